// SPDX-License-Identifier: GPL-3.0-or-later

// Stands in for two programs of upstream's image that no module has: node-driver-registrar, which tells the kubelet of a
// driver, and livenessprobe, which asks the driver whether it is well. One program; its name says which it is.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/kubernetes-csi/csi-lib-utils/connection"
	"github.com/kubernetes-csi/csi-lib-utils/metrics"
	"github.com/kubernetes-csi/csi-lib-utils/rpc"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const (
	registry = "/registration"
	patience = 10 * time.Second
)

func main() {
	socket := flag.String("csi-address", "/run/csi/socket", "socket of the driver")
	endpoint := flag.String("kubelet-registration-path", "", "the same socket as the kubelet sees it")
	address := flag.String("http-endpoint", ":9808", "where /healthz is served")
	flag.Parse()
	driver, err := connection.Connect(context.Background(), *socket, metrics.NewCSIMetricsManager(""))
	if err != nil {
		log.Fatalf("connecting to the driver at %s: %v", *socket, err)
	}
	switch name := filepath.Base(os.Args[0]); name {
	case "livenessprobe":
		serveHealth(*address, func(ctx context.Context) error { return probe(ctx, driver) })
	case "csi-node-driver-registrar":
		go serveHealth(*address, func(context.Context) error { return nil })
		register(driver, *endpoint)
	default:
		log.Fatalf("starting %q: it is none of livenessprobe and csi-node-driver-registrar", name)
	}
}

func probe(ctx context.Context, driver *grpc.ClientConn) error {
	_, err := rpc.Probe(ctx, driver)
	return err
}

func serveHealth(address string, well func(context.Context) error) {
	http.HandleFunc("/healthz", func(answer http.ResponseWriter, request *http.Request) {
		ctx, cancel := context.WithTimeout(request.Context(), patience)
		defer cancel()
		if err := well(ctx); err != nil {
			http.Error(answer, err.Error(), http.StatusInternalServerError)
		}
	})
	log.Fatal(http.ListenAndServe(address, nil))
}

// register serves the socket at which the kubelet asks what kind of plugin this is and where it listens.
func register(driver *grpc.ClientConn, endpoint string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	name, err := rpc.GetDriverName(ctx, driver)
	if err != nil {
		log.Fatalf("asking the driver for its name: %v", err)
	}
	socket := filepath.Join(registry, name+"-reg.sock")
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		log.Fatalf("removing the socket of the one before: %v", err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatalf("listening for the kubelet: %v", err)
	}
	server := grpc.NewServer()
	registration.RegisterRegistrationServer(server, registrar{name: name, endpoint: endpoint})
	log.Fatal(server.Serve(listener))
}

type registrar struct {
	registration.UnsafeRegistrationServer
	name, endpoint string
}

func (one registrar) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type:              registration.CSIPlugin,
		Name:              one.name,
		Endpoint:          one.endpoint,
		SupportedVersions: []string{"1.0.0"},
	}, nil
}

func (one registrar) NotifyRegistrationStatus(
	_ context.Context, status *registration.RegistrationStatus,
) (*registration.RegistrationStatusResponse, error) {
	if !status.PluginRegistered {
		// Another start is another try.
		log.Fatalf("the kubelet refused %s: %s", one.name, status.Error)
	}
	return &registration.RegistrationStatusResponse{}, nil
}
