package wit

import "github.com/watfiber/watfiber/wat"

// preview1Module is the module of WASI preview 1, which is older than WIT.
const preview1Module = "wasi_snapshot_preview1"

// preview1Type returns the type of a function of WASI preview 1.
func preview1Type(name string) (wat.FuncType, bool) {
	letters, known := preview1[name]
	if !known {
		return wat.FuncType{}, false
	}
	t := wat.FuncType{Results: []wat.ValType{wat.I32}} // the error
	if name == "proc_exit" {
		t.Results = nil
	}
	for _, l := range letters {
		if l == 'I' {
			t.Params = append(t.Params, wat.I64)
		} else {
			t.Params = append(t.Params, wat.I32)
		}
	}
	return t, true
}

// preview1Waits are the functions that may suspend: those that wait for time, input or
// other programs. Those of files and fd_write are not among them, since hosts carry them
// out at once; who has one that does not lists them.
var preview1Waits = map[string]bool{
	"fd_read": true, "poll_oneoff": true, "sched_yield": true,
	"sock_accept": true, "sock_recv": true, "sock_send": true,
}

// preview1 has the functions with their parameters: i is an i32, I an i64.
var preview1 = map[string]string{
	"args_get":                "ii",
	"args_sizes_get":          "ii",
	"clock_res_get":           "ii",
	"clock_time_get":          "iIi",
	"environ_get":             "ii",
	"environ_sizes_get":       "ii",
	"fd_advise":               "iIIi",
	"fd_allocate":             "iII",
	"fd_close":                "i",
	"fd_datasync":             "i",
	"fd_fdstat_get":           "ii",
	"fd_fdstat_set_flags":     "ii",
	"fd_fdstat_set_rights":    "iII",
	"fd_filestat_get":         "ii",
	"fd_filestat_set_size":    "iI",
	"fd_filestat_set_times":   "iIIi",
	"fd_pread":                "iiiIi",
	"fd_prestat_dir_name":     "iii",
	"fd_prestat_get":          "ii",
	"fd_pwrite":               "iiiIi",
	"fd_read":                 "iiii",
	"fd_readdir":              "iiiIi",
	"fd_renumber":             "ii",
	"fd_seek":                 "iIii",
	"fd_sync":                 "i",
	"fd_tell":                 "ii",
	"fd_write":                "iiii",
	"path_create_directory":   "iii",
	"path_filestat_get":       "iiiii",
	"path_filestat_set_times": "iiiiIIi",
	"path_link":               "iiiiiii",
	"path_open":               "iiiiiIIii",
	"path_readlink":           "iiiiii",
	"path_remove_directory":   "iii",
	"path_rename":             "iiiiii",
	"path_symlink":            "iiiii",
	"path_unlink_file":        "iii",
	"poll_oneoff":             "iiii",
	"proc_exit":               "i",
	"proc_raise":              "i",
	"random_get":              "ii",
	"sched_yield":             "",
	"sock_accept":             "iii",
	"sock_recv":               "iiiiii",
	"sock_send":               "iiiii",
	"sock_shutdown":           "ii",
}
