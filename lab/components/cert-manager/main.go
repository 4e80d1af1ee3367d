// SPDX-License-Identifier: GPL-3.0-or-later

// Command cert-manager is one program for the four images of cert-manager: it
// runs as the component its name (argv[0]) says, so that the images share one
// layer.
//
// What it runs is cert-manager's own. Only upstream's programs, which read the
// flags and start the parts, are in modules of their own that cannot be had
// here. This module is called as if it lay in upstream's, because Go lets
// nobody else import what is internal there. Not among the issuers are Vault
// and Venafi.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cert-manager/cert-manager/internal/cmd/util"
	"github.com/cert-manager/cert-manager/internal/webhook"
	"github.com/cert-manager/cert-manager/pkg/issuer/acme/http/solver"
	"github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
	"github.com/spf13/pflag"
)

func main() {
	components := map[string]func(context.Context, []string) error{
		"acmesolver": runSolver,
		"cainjector": runInjector,
		"controller": runController,
		"webhook":    runWebhook,
	}
	name := filepath.Base(os.Args[0])
	component, known := components[name]
	if !known {
		fmt.Fprintf(os.Stderr, "cert-manager: no component is called %q\n", name)
		os.Exit(2)
	}
	ctx, exit := util.SetupExitHandler(context.Background(), util.GracefulShutdown)
	defer exit()
	logs.InitLogs()
	defer logs.FlushLogs()
	ctx = logs.NewContext(ctx, logs.Log, name)
	if err := component(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "cert-manager %s: %v\n", name, err)
		util.SetExitCode(err)
	}
}

func runSolver(ctx context.Context, arguments []string) error {
	server := &solver.HTTP01Solver{}
	flags := pflag.NewFlagSet("acmesolver", pflag.ContinueOnError)
	flags.IntVar(&server.ListenPort, "listen-port", 8089, "")
	flags.StringVar(&server.Domain, "domain", "", "")
	flags.StringVar(&server.Token, "token", "", "")
	flags.StringVar(&server.Key, "key", "", "")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Listen(logs.FromContext(ctx)) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

func runWebhook(ctx context.Context, arguments []string) error {
	configuration, err := options.NewWebhookConfiguration()
	if err != nil {
		return err
	}
	flags := pflag.NewFlagSet("webhook", pflag.ContinueOnError)
	options.AddConfigFlags(flags, configuration)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if err := logs.ValidateAndApply(&configuration.Logging); err != nil {
		return err
	}
	server, err := webhook.NewCertManagerWebhookServer(logs.FromContext(ctx), *configuration)
	if err != nil {
		return err
	}
	return server.Run(ctx)
}
