package host

import (
	"encoding/binary"
	"time"
)

var le = binary.LittleEndian

// Sizes and kinds of subscriptions and events.
const (
	subscriptionSize = 48
	eventSize        = 32

	eventClock = 0
	eventRead  = 1
	eventWrite = 2

	hangup = 1 // the flag of an event: the other side has ended

	century = 100 * 365 * 24 * uint64(time.Hour) // nobody waits longer
)

// pollOneoff waits until one of the subscriptions to descriptors is ready, or the first
// clock has run down. Only clocks: that is wazero's to do.
func (c *wasiCall) pollOneoff() (errno, bool) {
	in, ok := c.mem.Read(c.arg(0), c.arg(2)*subscriptionSize)
	_, room := c.mem.Read(c.arg(1), c.arg(2)*eventSize)
	if !ok || !room || c.arg(2) == 0 || c.arg(2) > 1<<20 {
		return 0, false // wazero says what is wrong
	}
	wait, clock, e := c.clocks(in)
	if e != 0 || clock >= 0 && onlyClocks(in) {
		return e, e != 0
	}
	deadline := time.Now().Add(wait)
	for {
		events := c.occurred(in)
		left := time.Until(deadline)
		if events == nil && clock >= 0 && left <= 0 {
			events = event(nil, in[clock:], 0, 0, 0)
		}
		if events != nil {
			c.mem.Write(c.arg(1), events)
			return c.store(c.arg(3), uint32(len(events)/eventSize))
		}
		c.waitFor(clock >= 0, left)
	}
}

func onlyClocks(in []byte) bool {
	for ; len(in) > 0; in = in[subscriptionSize:] {
		if in[8] != eventClock {
			return false
		}
	}
	return true
}

// clocks returns how long to wait, and where the subscription is that says so; -1 if none
// does.
func (c *wasiCall) clocks(in []byte) (time.Duration, int, errno) {
	wait, at := time.Duration(century+1), -1
	for i := 0; i < len(in); i += subscriptionSize {
		sub := in[i:]
		if sub[8] > eventWrite {
			return 0, 0, errInval
		}
		if sub[8] != eventClock {
			continue
		}
		t := le.Uint64(sub[24:])
		if le.Uint16(sub[40:])&1 != 0 { // absolute
			if e := c.original("clock_time_get", uint64(le.Uint32(sub[16:])), 1, c.args[1]); e != 0 {
				return 0, 0, e
			}
			now, _ := c.mem.ReadUint64Le(c.arg(1))
			t -= min(t, now)
		}
		if d := time.Duration(min(t, century)); d < wait {
			wait, at = d, i
		}
	}
	return wait, at, 0
}

// occurred returns the events of descriptors that are ready, nil if none is.
func (c *wasiCall) occurred(in []byte) []byte {
	var events []byte
	for ; len(in) > 0; in = in[subscriptionSize:] {
		if in[8] == eventClock {
			continue
		}
		fd := le.Uint32(in[16:])
		d := c.w.files[fd]
		switch {
		case d == nil:
			e := c.original("fd_fdstat_get", uint64(fd), c.args[1]) // the room for events is of no use yet
			events = event(events, in, e, 1, 0)
		case in[8] == eventRead && d.accept != nil:
			if d.accept.ready() {
				events = event(events, in, 0, uint64(len(d.accept.conns)), 0)
			}
		case in[8] == eventRead && d.in != nil:
			if d.in.ready() {
				var flags uint16
				if d.in.err != nil {
					flags = hangup
				}
				events = event(events, in, 0, uint64(len(d.in.buf)), flags)
			}
		case in[8] == eventWrite && d.out != nil:
			if d.out.ready() {
				events = event(events, in, 0, uint64(writeBehind-d.out.pending), 0)
			}
		default:
			events = event(events, in, errInval, 0, 0)
		}
	}
	return events
}

// event appends the event of a subscription.
func event(events, sub []byte, e errno, bytes uint64, flags uint16) []byte {
	events = append(events, sub[:8]...)
	events = le.AppendUint16(events, uint16(e))
	events = append(events, sub[8], 0, 0, 0, 0, 0)
	events = le.AppendUint64(events, bytes)
	return le.AppendUint64(events, uint64(flags))
}

// waitFor waits until something may have become ready, but no longer than a time if
// there is a clock.
func (c *wasiCall) waitFor(clock bool, left time.Duration) {
	if !clock {
		c.w.wait(c.ctx, nil)
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	c.w.wait(c.ctx, timer.C)
}
