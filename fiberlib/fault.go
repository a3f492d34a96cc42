package fiberlib

// Faults says what is wrong when a program traps in a function of the runtime, by the
// name of that function without "fiber.". Some of them call a function of the table, and
// trap if it is not there or of another type.
var Faults = map[string]string{
	"stack_overflow":     "the shadow stack of a fiber has grown too large, without guards over what lies below it; give it a larger stack",
	"buffer_overflow":    "the frames of a fiber do not fit above its shadow stack; give it a larger stack",
	"out_of_memory":      "there is no memory for the frames of a main fiber, or to talk to the host",
	"cannot_resume":      "a fiber was resumed that is running, waits, is ready anyway, has resumed another, or is done",
	"cannot_free":        "a fiber was freed that is running, waits, is ready, has resumed another, or is a main fiber",
	"no_fiber":           "there is no fiber of this address, or no longer",
	"nobody_to_yield_to": "a fiber yields that nobody has resumed",
	"other_call":         "this is the main fiber of a call that waits for the one under way to return, or that has trapped",
	"no_main_fiber":      "a host has called an exported function that suspends and is not wrapped: --wrap leaves it out, or a list says that it does not suspend",
	"broken":             "the program has trapped before, when its stack was in a state in which it cannot be called again",
	"entry":              "the entry of a fiber is no function of the table, or not one that takes an i32 and returns one",
	"not_wrapped":        "swapcontext was called outside wrap_with_fibers, or in a call that the host has made from below it",
	"cannot_leave":       "below wrap_with_fibers something has suspended in another way than by swapcontext",
	"entry_returned":     "the entry of a region has returned, and there is nothing to switch to",
	"enter_region":       "the entry of a region is no function of the table, or not one that takes an i32 and returns nothing",
	"main":               "what wrap_with_fibers was to call is no function of the table, or not one that takes an i32 and returns one",
	"cleanup":            "what a fiber has deferred is no function of the table, or not one that takes an i32",
	"deadlock":           "a fiber has to wait, and no other is ready",
	"cannot_join":        "a fiber cannot be joined that another one waits for already, that was spawned, that is a main fiber, or that runs",
	"not_parked":         "a fiber was unparked that does not wait",
	"cleanup_suspends":   "a function that was deferred has suspended",
	"look_suspends":      "a function that looks at the fibers has suspended",
	"no_allocator":       "memory is needed before the program has called set_allocator",
	"look_now":           "what looks at the fibers is no function of the table, or not one that takes an i32",
	"range":              "what is given ranges of memory is no function of the table, or not one that takes three i32",
	"slots_of_frame":     "what is given slots is no function of the table, or not one that takes two i32",
	"call_malloc":        "what set_allocator was given as malloc is no function of the table, or not one that takes an i32 and returns one",
	"call_free":          "what set_allocator was given as free is no function of the table, or not one that takes an i32",
	"below_host":         "a fiber waits in a function that a function of the host has called, and could only go on in a call of another function",
	"broken_off":         "a function of the host has called the module, has got an error, and has gone on as if nothing were wrong",
	"chan_in_use":        "a channel was freed at which fibers wait",
}

// FaultGlobals are the exported globals that say after such a trap, if it is known, which
// fiber it is about (its address), how many bytes it needed at least, and how many it had.
var FaultGlobals = [3]string{"fiber.culprit", "fiber.needed", "fiber.available"}
