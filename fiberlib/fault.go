package fiberlib

// Faults says what is wrong when a program traps in a function of the runtime, by the
// name of that function without "fiber.".
var Faults = map[string]string{
	"stack_overflow":     "the shadow stack of a fiber has grown below its region, and has overwritten what lies there; give it a larger stack",
	"buffer_overflow":    "the frames of a fiber do not fit above its shadow stack; give it a larger stack",
	"out_of_memory":      "there is no memory for the frames of a main fiber, or to talk to the host",
	"cannot_resume":      "a fiber was resumed that is running, waits, is ready anyway, has resumed another, or is done",
	"cannot_free":        "a fiber was freed that is running, waits, is ready, or has resumed another",
	"no_fiber":           "there is no fiber of this address, or no longer",
	"nobody_to_yield_to": "a fiber yields that nobody has resumed",
	"deadlock":           "a fiber has to wait, and no other is ready",
	"cannot_join":        "another fiber waits for this one already, or it was spawned",
	"not_parked":         "a fiber was unparked that does not wait",
	"two_run":            "two fibers have called run",
	"cleanup_suspends":   "a function that was deferred has suspended",
	"chan_in_use":        "a channel was freed at which fibers wait",
}
