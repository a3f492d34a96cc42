package rewrite

import "github.com/watfiber/watfiber/wat"

// The codes of the errors of this package; those of reading and checking a
// module are in package wat.
const (
	ErrList        wat.Code = "WF401" // a list of functions or imports that does not fit the module
	ErrABI         wat.Code = "WF402" // an asyncify import or export that is not as the ABI has it
	ErrRuntime     wat.Code = "WF403" // a function that is both top and bottom
	ErrMarker      wat.Code = "WF404" // the source has markers or ids of rewritten code already
	ErrMemory      wat.Code = "WF405" // there is no memory to spill frames to
	ErrUnsupported wat.Code = "WF406" // a construct that cannot be instrumented
	ErrInternal    wat.Code = "WF499" // watfiber is wrong, not the module
)
