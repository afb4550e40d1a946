// Command ztc-portal is the account centre of a prepaid pay-per-click ad
// product: sellers see balance and arrears, recharge, and bring their stopped
// campaigns back. README.md says how to run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // Asia/Shanghai on machines without zone files
)

// command is one subcommand.
type command struct {
	name, args, short string
	run               func(ctx context.Context, s Settings, args []string) error
}

func commands() []command {
	return []command{
		{"serve", "", "serve the portal (demo mode migrates and seeds an empty database, and runs the sandbox gateway)", serve},
		{"migrate", "", "bring the database's schema up to date", migrate},
		{"seed", "", "fill an empty database with the demo's sellers", seed},
		{"user", "create --email E --role R [--shop N] | reset-factors --email E", "create a user; the password is read from standard input. reset-factors: a member of staff sets the second factor up anew", user},
		{"apikey", "create --name N [--scope S,S] | list | revoke ID", "the keys by which an ad engine speaks to the API; create prints the key alone, once", apikey},
		{"audit", "verify [--noted HASH] | export [--from D] [--to D]", "hold the audit log against its hashes, naming the first row that was changed; or write it as CSV", audit},
		{"reconcile", "--day YYYY-MM-DD [--rail alipay]", "hold a day against the gateway's bill; fails while differences are open", reconcile},
		{"simulate", "[--url U] [--rate R] [--speed S] [--seed N] [--for D]", "play an ad engine against the API; the key is read from standard input", simulate},
		{"bench", "[--quick] [--cpuprofile FILE]", "settlements and pages per second beside raw SQL, on both databases", bench},
	}
}

func main() {
	syscall.Umask(0o077) // what we write is nobody else's business
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Environ()); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "ztc-portal:", inWords(err))
		os.Exit(1)
	}
}

func run(ctx context.Context, args, environ []string) error {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		usage(os.Stdout)
		return nil
	}
	for _, cmd := range commands() {
		if cmd.name != args[0] {
			continue
		}
		if len(args) > 1 && (args[1] == "-h" || args[1] == "--help") {
			fmt.Printf("ztc-portal %s %s\n\n%s\nSettings are read from the environment: see README.md.\n", cmd.name, cmd.args, cmd.short)
			return nil
		}
		settings, err := LoadSettings(environ)
		if err != nil {
			return fmt.Errorf("the settings are wrong:\n%w", err)
		}
		for _, unknown := range settings.Unknown {
			newLog(settings).Warn("a setting is ignored", "name", unknown.name, "why", unknown.why)
		}
		return cmd.run(ctx, settings, args[1:])
	}
	usage(os.Stderr)
	return fmt.Errorf("there is no command %q", args[0])
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: ztc-portal COMMAND [--help]")
	for _, cmd := range commands() {
		fmt.Fprintf(w, "  %-9s %s\n", cmd.name, cmd.short)
	}
}

func newLog(s Settings) *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: s.LogLevel}))
}
