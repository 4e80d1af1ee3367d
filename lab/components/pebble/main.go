// SPDX-License-Identifier: GPL-3.0-or-later

// Command cloudflare is a stand-in for as much of Cloudflare as a name is
// proven with: the part of its API that lists zones and keeps TXT records, and
// the DNS that then answers with them. Any name has the one address given.
package main

import (
	"crypto/subtle"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// record is a DNS record as Cloudflare's API shows it.
type record struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
	TTL     int    `json:"ttl"`
}

// standIn has zones and their records; an API with a token changes them.
type standIn struct {
	zones   []string
	token   string
	address net.IP

	mutex   sync.Mutex
	records []record
	made    int
}

func main() {
	zones := flag.String("zones", "", "zones, with commas between them")
	token := flag.String("token-file", "", "file with the token that the API takes")
	address := flag.String("address", "", "address of every name")
	certificate := flag.String("certificate", "", "file with the certificate of the API")
	key := flag.String("key", "", "file with its key")
	flag.Parse()
	secret, err := os.ReadFile(*token)
	if err != nil {
		log.Fatal(err)
	}
	one := &standIn{zones: strings.Split(*zones, ","), token: strings.TrimSpace(string(secret)), address: net.ParseIP(*address)}
	ended := make(chan error)
	for _, network := range []string{"udp", "tcp"} {
		server := &dns.Server{Addr: ":53", Net: network, Handler: dns.HandlerFunc(one.answer)}
		go func() { ended <- server.ListenAndServe() }()
	}
	go func() { ended <- http.ListenAndServeTLS(":443", *certificate, *key, one.api()) }()
	log.Fatal(<-ended)
}

// answer answers a question of DNS.
func (s *standIn) answer(writer dns.ResponseWriter, asked *dns.Msg) {
	reply := new(dns.Msg).SetReply(asked)
	reply.Authoritative, reply.RecursionAvailable = true, true
	for _, question := range asked.Question {
		header := dns.RR_Header{Name: question.Name, Rrtype: question.Qtype, Class: dns.ClassINET, Ttl: 1}
		name := strings.ToLower(strings.TrimSuffix(question.Name, "."))
		switch question.Qtype {
		case dns.TypeA:
			reply.Answer = append(reply.Answer, &dns.A{Hdr: header, A: s.address})
		case dns.TypeTXT:
			for _, found := range s.find(func(one record) bool { return one.Type == "TXT" && one.Name == name }) {
				reply.Answer = append(reply.Answer, &dns.TXT{Hdr: header, Txt: []string{found.Content}})
			}
		}
	}
	_ = writer.WriteMsg(reply)
}

func (s *standIn) find(wanted func(record) bool) []record {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found := []record{}
	for _, one := range s.records {
		if wanted(one) {
			found = append(found, one)
		}
	}
	return found
}

// api returns the API. A zone's id is its name.
func (s *standIn) api() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /client/v4/zones", func(writer http.ResponseWriter, request *http.Request) {
		found := []map[string]string{}
		if name := request.URL.Query().Get("name"); slices.Contains(s.zones, name) {
			found = append(found, map[string]string{"id": name, "name": name, "status": "active"})
		}
		succeed(writer, found)
	})
	routes.HandleFunc("GET /client/v4/zones/{zone}/dns_records", func(writer http.ResponseWriter, request *http.Request) {
		query, zone := request.URL.Query(), request.PathValue("zone")
		succeed(writer, s.find(func(one record) bool {
			return inside(one.Name, zone) && one.Type == query.Get("type") && one.Name == query.Get("name")
		}))
	})
	routes.HandleFunc("POST /client/v4/zones/{zone}/dns_records", func(writer http.ResponseWriter, request *http.Request) {
		var given record
		if err := json.NewDecoder(request.Body).Decode(&given); err != nil || !inside(given.Name, request.PathValue("zone")) {
			fail(writer, http.StatusBadRequest, 1004, "DNS Validation Error")
			return
		}
		s.mutex.Lock()
		s.made++
		given.ID = fmt.Sprintf("%032x", s.made)
		s.records = append(s.records, given)
		s.mutex.Unlock()
		succeed(writer, given)
	})
	routes.HandleFunc("DELETE /client/v4/zones/{zone}/dns_records/{id}", func(writer http.ResponseWriter, request *http.Request) {
		id := request.PathValue("id")
		s.mutex.Lock()
		s.records = slices.DeleteFunc(s.records, func(one record) bool { return one.ID == id })
		s.mutex.Unlock()
		succeed(writer, map[string]string{"id": id})
	})
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		log.Printf("%s %s", request.Method, request.URL)
		given := strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) != 1 {
			fail(writer, http.StatusForbidden, 9109, "Invalid access token")
			return
		}
		routes.ServeHTTP(writer, request)
	})
}

func inside(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone)
}

func succeed(writer http.ResponseWriter, result any) {
	write(writer, http.StatusOK, map[string]any{"success": true, "errors": []any{}, "messages": []any{}, "result": result})
}

func fail(writer http.ResponseWriter, status, code int, message string) {
	errors := []any{map[string]any{"code": code, "message": message}}
	write(writer, status, map[string]any{"success": false, "errors": errors, "messages": []any{}, "result": nil})
}

func write(writer http.ResponseWriter, status int, body any) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(status)
	_ = json.NewEncoder(writer).Encode(body)
}
