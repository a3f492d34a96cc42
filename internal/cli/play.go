package cli

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"github.com/watfiber/watfiber/internal/play"
)

type playCmd struct {
	Port int    `default:"0" placeholder:"N" help:"The port on this machine; any that is free if this does not say."`
	Open bool   `help:"Open the page in a browser."`
	Out  string `placeholder:"DIR" help:"Write the page into this folder, as index.html, and serve nothing."`
}

// Help is the end of watfiber play --help.
func (playCmd) Help() string {
	return `The page needs no server and no network: watfiber runs in it, compiled to WebAssembly. It is compiled when it is asked for, which needs Go and the sources of watfiber: call this in a checkout.

Examples:

    watfiber play --open
    watfiber play --out=public`
}

// Run is watfiber play.
func (p *playCmd) Run(c *console) error {
	progress := c.progress(false)
	progress.stage("compiling")
	page, err := play.Page()
	progress.done()
	if err != nil {
		return err
	}
	if p.Out != "" {
		if err := os.MkdirAll(p.Out, 0o777); err != nil {
			return pathError(err)
		}
		return c.write(binaryOutput(filepath.Join(p.Out, "index.html"), page))
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.Port))
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String() + "/"
	fmt.Fprintf(c.stdout, "%s  (Ctrl-C ends it)\n", url)
	if p.Open {
		if err := openPage(url); err != nil {
			c.note("no browser could be opened: " + err.Error())
		}
	}
	server := &http.Server{Handler: pageHandler(page), ReadHeaderTimeout: 10 * time.Second}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	defer signal.Stop(stop)
	go func() {
		<-stop
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// pageHandler serves one page.
func pageHandler(page []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page) // who does not want it any more has gone
	})
}

// openPage opens a page as the system does.
func openPage(url string) error {
	switch runtime.GOOS {
	case "darwin":
		return exec.Command("open", url).Start()
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", url).Start()
	}
	return exec.Command("xdg-open", url).Start()
}
