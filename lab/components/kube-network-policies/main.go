// SPDX-License-Identifier: GPL-3.0-or-later

// Program netpol starts kube-network-policies on a kernel that cannot take a label of a connection along with a
// verdict (CONFIG_NETFILTER_NETLINK_GLUE_CT): by that label the program knows again what it has accepted. What comes
// past its chains was accepted, so it is labelled there, by chains of our own.
package main

import (
	"log"
	"os"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// The program's chains are at srcnat - 5 and srcnat + 1, and all its tables begin with its name.
const (
	program         = "/bin/kube-network-policies"
	table           = "kube-network-policies-accepted"
	afterForwarding = -4
	afterInput      = 2
)

// accepted is bit 100 of the 128, as the program has it.
var accepted = [16]byte{3: 1 << 4}

func main() {
	if err := label(); err != nil {
		log.Fatalf("labelling accepted connections: %v", err)
	}
	log.Fatal(syscall.Exec(program, append([]string{program}, os.Args[1:]...), os.Environ()))
}

func label() error {
	connection, err := nftables.New()
	if err != nil {
		return err
	}
	own := &nftables.Table{Name: table, Family: nftables.TableFamilyINet}
	connection.AddTable(own)
	connection.DelTable(own)
	connection.AddTable(own)
	forwarded := add(connection, own, "postrouting", nftables.ChainHookPostrouting, afterForwarding)
	// What root sends is accepted without a label.
	connection.AddRule(&nftables.Rule{Table: own, Chain: forwarded, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeySKUID, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: make([]byte, 4)},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}})
	taken := add(connection, own, "input", nftables.ChainHookInput, afterInput)
	for _, chain := range []*nftables.Chain{forwarded, taken} {
		connection.AddRule(&nftables.Rule{Table: own, Chain: chain, Exprs: []expr.Any{
			&expr.Immediate{Register: 1, Data: accepted[:]},
			&expr.Ct{Register: 1, SourceRegister: true, Key: expr.CtKeyLABELS},
		}})
	}
	return connection.Flush()
}

func add(
	connection *nftables.Conn, own *nftables.Table, name string, hook *nftables.ChainHook, offset nftables.ChainPriority,
) *nftables.Chain {
	return connection.AddChain(&nftables.Chain{
		Name:     name,
		Table:    own,
		Type:     nftables.ChainTypeFilter,
		Hooknum:  hook,
		Priority: nftables.ChainPriorityRef(*nftables.ChainPriorityNATSource + offset),
	})
}
