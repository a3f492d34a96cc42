package host

import "net"

// The functions of WASI that know of descriptors. Each returns false to have wazero's
// called, for a descriptor that is not one of ours.

const flagNonblock = 4

func (c *wasiCall) fdRead() (errno, bool) {
	d := c.file(0)
	if d == nil {
		return 0, false
	}
	return c.receive(d, c.arg(1), c.arg(2), 0, c.arg(3))
}

func (c *wasiCall) sockRecv() (errno, bool) {
	d := c.file(0)
	switch {
	case d == nil:
		return 0, false
	case !d.socket:
		return errNotSock, true
	case c.arg(3)&^3 != 0:
		return errNotsup, true
	}
	if !c.mem.WriteUint16Le(c.arg(5), 0) {
		return errFault, true
	}
	return c.receive(d, c.arg(1), c.arg(2), c.arg(3), c.arg(4))
}

// receive reads from a descriptor, and stores how much. The flags are 1 to leave what is
// read where it is, 2 to fill all memory that is given.
func (c *wasiCall) receive(d *descriptor, at, n, flags, result uint32) (errno, bool) {
	if d.in == nil {
		return errInval, true
	}
	pieces, e := c.vectors(at, n)
	if e != 0 {
		return e, true
	}
	total := uint32(0)
	for {
		n, e := d.in.read(c.ctx, pieces, !d.nonblock, flags&1 != 0)
		if e != 0 && total == 0 {
			return e, true
		}
		total += uint32(n)
		pieces = rest(pieces, n)
		if n == 0 || flags != 2 || len(pieces) == 0 {
			return c.store(result, total)
		}
	}
}

// rest returns pieces of memory without the first n bytes.
func rest(pieces [][]byte, n int) [][]byte {
	for len(pieces) > 0 && n >= len(pieces[0]) {
		n, pieces = n-len(pieces[0]), pieces[1:]
	}
	if len(pieces) > 0 {
		pieces[0] = pieces[0][n:]
	}
	return pieces
}

func (c *wasiCall) fdWrite() (errno, bool) {
	d := c.file(0)
	if d == nil {
		return 0, false
	}
	return c.transmit(d, c.arg(1), c.arg(2), c.arg(3))
}

func (c *wasiCall) sockSend() (errno, bool) {
	d := c.file(0)
	switch {
	case d == nil:
		return 0, false
	case !d.socket:
		return errNotSock, true
	case c.arg(3) != 0:
		return errNotsup, true
	}
	return c.transmit(d, c.arg(1), c.arg(2), c.arg(4))
}

func (c *wasiCall) transmit(d *descriptor, at, n, result uint32) (errno, bool) {
	if d.out == nil {
		return errInval, true
	}
	pieces, e := c.vectors(at, n)
	if e != 0 {
		return e, true
	}
	written, e := d.out.write(c.ctx, pieces, !d.nonblock)
	if e != 0 && written == 0 {
		return e, true
	}
	return c.store(result, uint32(written))
}

func (c *wasiCall) fdClose() (errno, bool) {
	d := c.file(0)
	if d == nil {
		delete(c.w.moved, c.arg(0))
		return 0, false
	}
	delete(c.w.files, c.arg(0))
	if !d.socket {
		return 0, false // standard input is wazero's, too
	}
	_ = d.close() // the descriptor is gone in any case
	return 0, true
}

func (c *wasiCall) fdRenumber() (errno, bool) {
	from, to := c.file(0), c.file(1)
	if c.arg(0) == c.arg(1) || from == nil && to == nil {
		return 0, from != nil
	}
	if to != nil && to.socket {
		_ = to.close()
	}
	delete(c.w.files, c.arg(1))
	if from == nil {
		return 0, false
	}
	if to == nil {
		c.original("fd_close", c.args[1]) // there may be none
	}
	delete(c.w.files, c.arg(0))
	c.w.files[c.arg(1)] = from
	return 0, true
}

func (c *wasiCall) fdstatGet() (errno, bool) {
	d := c.file(0)
	if d == nil {
		return 0, false
	}
	var flags uint16
	if d.nonblock {
		flags = flagNonblock
	}
	at := c.arg(1)
	if !d.socket {
		if e := c.original("fd_fdstat_get", c.args[0], c.args[1]); e != 0 {
			return e, true
		}
		of, _ := c.mem.ReadUint16Le(at + 2)
		c.mem.WriteUint16Le(at+2, of&^flagNonblock|flags)
		return 0, true
	}
	const stream, all = 6, 1<<30 - 1
	stat := make([]byte, 24)
	stat[0] = stream
	le.PutUint16(stat[2:], flags)
	le.PutUint64(stat[8:], all)
	le.PutUint64(stat[16:], all)
	if !c.mem.Write(at, stat) {
		return errFault, true
	}
	return 0, true
}

func (c *wasiCall) fdstatSetFlags() (errno, bool) {
	d := c.file(0)
	if d == nil {
		return 0, false
	}
	d.nonblock = c.arg(1)&flagNonblock != 0
	return 0, true
}

// pathOpen gives a file another number if wazero's is that of a socket.
func (c *wasiCall) pathOpen() (errno, bool) {
	e := c.original("path_open", c.args...)
	fd, ok := c.mem.ReadUint32Le(c.arg(8))
	if e != 0 || !ok || c.w.files[fd] == nil {
		return e, true
	}
	to := uint32(firstMoved)
	for c.w.moved[to] {
		to++
	}
	if e := c.original("fd_renumber", uint64(fd), uint64(to)); e != 0 {
		return e, true
	}
	c.w.moved[to] = true
	return c.store(c.arg(8), to)
}

func (c *wasiCall) sockAccept() (errno, bool) {
	d := c.file(0)
	switch {
	case d == nil:
		return 0, false
	case d.accept == nil:
		return errInval, true
	}
	conn, e := d.accept.next(c.ctx, !d.nonblock)
	if e != 0 {
		return e, true
	}
	fd := uint32(firstConnection)
	for c.w.files[fd] != nil {
		fd++
	}
	c.w.files[fd] = c.w.connection(conn, c.arg(1)&flagNonblock != 0)
	return c.store(c.arg(2), fd)
}

func (w *WASI) connection(conn net.Conn, nonblock bool) *descriptor {
	w.conns[conn] = true
	return &descriptor{in: &source{w: w, r: conn}, out: &sink{w: w, c: conn}, socket: true, nonblock: nonblock}
}

func (c *wasiCall) sockShutdown() (errno, bool) {
	const read, write = 1, 2
	d := c.file(0)
	switch how := c.arg(1); {
	case d == nil:
		return 0, false
	case d.out == nil || how&^(read|write) != 0 || how == 0:
		return errInval, true
	case how&read != 0:
		if end, ok := d.out.c.(interface{ CloseRead() error }); ok {
			_ = end.CloseRead()
		}
		if how&write == 0 {
			return 0, true
		}
	}
	d.out.ending = true
	return errnoOf(d.out.settle()), true
}
