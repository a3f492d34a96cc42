package host

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// An errno is an error of WASI.
type errno uint32

const (
	errAgain     errno = 6
	errBadf      errno = 8
	errConnReset errno = 15
	errFault     errno = 21
	errInval     errno = 28
	errIO        errno = 29
	errNotSock   errno = 57
	errNotsup    errno = 58
	errPipe      errno = 64
)

// A descriptor is a file that is not wazero's. Its methods, and those of its parts, are
// called with the lock of the WASI held.
type descriptor struct {
	in       *source   // nil: nothing to read
	out      *sink     // nil: cannot be written
	accept   *acceptor // nil: does not listen
	socket   bool
	nonblock bool // the module wants EAGAIN
}

func (d *descriptor) close() error {
	switch {
	case d.accept != nil:
		return d.accept.close()
	case d.out != nil:
		d.out.closing = true
		return d.out.settle()
	}
	return nil
}

// How much is read ahead, and how much is taken to be written later.
const (
	readAhead   = 1 << 16
	writeBehind = 1 << 16
)

// patience returns until when a peer has to take what was written when the module ends.
func patience() time.Time { return time.Now().Add(5 * time.Second) }

// A source reads ahead from a reader once somebody asks whether there is something to
// read; until then, reading from it is reading from the reader.
type source struct {
	w       *WASI
	r       io.Reader
	buf     []byte // what was read and not taken yet
	err     error
	reading bool // a goroutine reads
	chunk   []byte
}

// ready reports whether there is something to read, or the end. If not, a goroutine
// reads and tells.
func (s *source) ready() bool {
	if len(s.buf) > 0 || s.err != nil {
		return true
	}
	if !s.reading {
		s.reading = true
		go s.fill()
	}
	return false
}

func (s *source) fill() {
	if s.chunk == nil {
		s.chunk = make([]byte, readAhead)
	}
	n, err := s.r.Read(s.chunk)
	s.w.mu.Lock()
	s.buf, s.err, s.reading = s.chunk[:n], err, false
	s.w.mu.Unlock()
	s.w.changed()
}

// read reads into pieces of memory, as soon as there is something unless block is false.
func (s *source) read(ctx context.Context, pieces [][]byte, block, peek bool) (int, errno) {
	if len(pieces) == 0 {
		return 0, 0
	}
	for block && !s.reading && !peek && len(s.buf) == 0 && s.err == nil {
		s.w.mu.Unlock()
		n, err := s.r.Read(pieces[0])
		s.w.mu.Lock()
		if s.err = err; n > 0 {
			return n, 0
		}
	}
	for !s.ready() {
		if !block {
			return 0, errAgain
		}
		s.w.wait(ctx, nil)
	}
	n := 0
	for _, p := range pieces {
		n += copy(p, s.buf[n:])
	}
	if n == 0 && s.err != io.EOF {
		return 0, errnoOf(s.err)
	}
	if !peek {
		s.buf = s.buf[n:]
	}
	return n, 0
}

// A sink takes what is written to a connection; a goroutine sends it.
type sink struct {
	w       *WASI
	c       net.Conn
	buf     []byte // what was not sent yet
	pending int    // its length, and that of what is being sent
	err     error
	sending bool
	ending  bool // to be shut down for writing when all is sent
	closing bool // to be closed then
}

func (s *sink) ready() bool { return s.err != nil || s.pending < writeBehind }

// write takes what there is room for; all, if block is true.
func (s *sink) write(ctx context.Context, pieces [][]byte, block bool) (int, errno) {
	total := 0
	for len(pieces) > 0 {
		n, e := s.take(ctx, pieces[0], block)
		if e != 0 && total == 0 {
			return 0, e
		}
		if e != 0 {
			break
		}
		total += n
		pieces = rest(pieces, n)
	}
	return total, 0
}

// take takes as much of one piece as there is room for.
func (s *sink) take(ctx context.Context, p []byte, block bool) (int, errno) {
	for !s.ready() {
		if !block {
			return 0, errAgain
		}
		s.w.wait(ctx, nil)
	}
	if s.err != nil || s.ending {
		return 0, errPipe
	}
	n := min(len(p), writeBehind-s.pending)
	s.buf, s.pending = append(s.buf, p[:n]...), s.pending+n
	if !s.sending {
		s.sending = true
		s.w.sending.Add(1)
		go s.send()
	}
	return n, 0
}

// send sends until nothing is left.
func (s *sink) send() {
	defer s.w.sending.Done()
	var chunk []byte
	for {
		s.w.mu.Lock()
		s.pending -= len(chunk)
		if len(s.buf) == 0 {
			s.sending = false
			_ = s.settle()
			s.w.mu.Unlock()
			s.w.changed()
			return
		}
		chunk, s.buf = s.buf, chunk[:0]
		s.w.mu.Unlock()
		s.w.changed()
		if _, err := s.c.Write(chunk); err != nil {
			s.w.mu.Lock()
			s.err, s.buf, s.pending = err, nil, len(chunk)
			s.w.mu.Unlock()
		}
	}
}

// settle ends or closes the connection, if that is asked for and all is sent.
func (s *sink) settle() error {
	if s.sending {
		return nil
	}
	if s.closing {
		delete(s.w.conns, s.c)
		return s.c.Close()
	}
	if end, ok := s.c.(interface{ CloseWrite() error }); ok && s.ending {
		return end.CloseWrite()
	}
	return nil
}

// An acceptor accepts connections ahead, once somebody asks whether there is one.
type acceptor struct {
	w         *WASI
	l         net.Listener
	conns     []net.Conn
	err       error
	accepting bool
}

// acceptAhead is how many connections are accepted before the module asks for them.
const acceptAhead = 16

func (a *acceptor) ready() bool {
	if !a.accepting && a.err == nil && len(a.conns) < acceptAhead {
		a.accepting = true
		go a.fill()
	}
	return len(a.conns) > 0 || a.err != nil
}

func (a *acceptor) fill() {
	for more := true; more; {
		c, err := a.l.Accept()
		a.w.mu.Lock()
		if err != nil {
			a.err = err
		} else {
			a.conns = append(a.conns, c)
		}
		more = err == nil && len(a.conns) < acceptAhead
		a.accepting = more
		a.w.mu.Unlock()
		a.w.changed()
	}
}

// next returns the next connection.
func (a *acceptor) next(ctx context.Context, block bool) (net.Conn, errno) {
	for !a.ready() {
		if !block {
			return nil, errAgain
		}
		a.w.wait(ctx, nil)
	}
	if len(a.conns) == 0 {
		return nil, errnoOf(a.err)
	}
	c := a.conns[0]
	a.conns = a.conns[1:]
	return c, 0
}

func (a *acceptor) close() error {
	errs := []error{a.l.Close()}
	for _, c := range a.conns {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// errnoOf returns what WASI calls an error of a connection.
func errnoOf(err error) errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, syscall.ECONNRESET):
		return errConnReset
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return errPipe
	case errors.Is(err, net.ErrClosed):
		return errBadf
	}
	return errIO
}
