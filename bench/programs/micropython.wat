;; What is put into MicroPython in place of imports of its host: kernels that call the
;; functions of micropython.py. A script suspends when it asks its host for the time.
;; Nothing can jump back here, so a Python exception traps.
(import "env" "yield" (func $yield (param i32) (result i32)))

(global $program (mut i32) (i32.const -1)) ;; the number by which the host knows __main__
(global $room (mut i32) (i32.const 0))     ;; for frames, one MiB
(data $script "micropython.py")            ;; its text
(data $names "__main__\00fib\00sorts\00strs\00dicts\00trees\00loops\00yielder\00")

(func (export "_initialize")
  (call $emscripten_stack_init)
  (call $__wasm_call_ctors))

(func $env.mp_js_ticks_ms (result i32) (call $yield (i32.const 0)))

;; Calls through which the program would jump back if it could.
(func $env.invoke_v (param i32) (call_indirect (local.get 0)))
(func $env.invoke_i (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
(func $env.invoke_vi (param i32 i32) (call_indirect (param i32) (local.get 1) (local.get 0)))
(func $env.invoke_ii (param i32 i32) (result i32) (call_indirect (param i32) (result i32) (local.get 1) (local.get 0)))
(func $env.invoke_vii (param i32 i32 i32) (call_indirect (param i32 i32) (local.get 1) (local.get 2) (local.get 0)))
(func $env.invoke_iii (param i32 i32 i32) (result i32) (call_indirect (param i32 i32) (result i32) (local.get 1) (local.get 2) (local.get 0)))
(func $env.invoke_viii (param i32 i32 i32 i32)
  (call_indirect (param i32 i32 i32) (local.get 1) (local.get 2) (local.get 3) (local.get 0)))
(func $env.invoke_iiii (param i32 i32 i32 i32) (result i32)
  (call_indirect (param i32 i32 i32) (result i32) (local.get 1) (local.get 2) (local.get 3) (local.get 0)))
(func $env.invoke_viiii (param i32 i32 i32 i32 i32)
  (call_indirect (param i32 i32 i32 i32) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 0)))
(func $env.invoke_iiiii (param i32 i32 i32 i32 i32) (result i32)
  (call_indirect (param i32 i32 i32 i32) (result i32) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 0)))
(func $env.invoke_iiiiii (param i32 i32 i32 i32 i32 i32) (result i32)
  (call_indirect (param i32 i32 i32 i32 i32) (result i32)
    (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 0)))

(func $env.emscripten_resize_heap (param $bytes i32) (result i32)
  (local $more i32)
  (local.set $more (i32.sub (i32.shr_u (i32.add (local.get $bytes) (i32.const 65535)) (i32.const 16)) (memory.size)))
  (i32.ne (memory.grow (local.get $more)) (i32.const -1)))

;; There are no files: every one is missing.
(func $env.__syscall_stat64 (param i32 i32) (result i32) (i32.const -44))

;; No object is known to the host already, and it forgets them all.
(func $env.js_check_existing (param i32) (result i32) (i32.const -1))
(func $env.proxy_js_free_obj (param i32))
(func $env.mp_js_random_u32 (result i32) (i32.const 4))

;; Copies of the script and of the names, in the heap.
(func $copied.script (result i32)
  (local $text i32)
  (memory.init $script (local.tee $text (call $malloc (i32.const #script))) (i32.const 0) (i32.const #script))
  (local.get $text))
(func $copied.names (result i32)
  (local $text i32)
  (memory.init $names (local.tee $text (call $malloc (i32.const 50))) (i32.const 0) (i32.const 50))
  (local.get $text))

;; Values that cross to the host are three words: what it is, and what it holds. Returns
;; what it holds.
(func $checked (param $value i32) (param $kind i32) (result i32)
  (if (i32.ne (i32.load (local.get $value)) (local.get $kind)) (then unreachable))
  (i32.load offset=4 (local.get $value)))

(func $start
  (local $value i32)
  (local.set $value (call $malloc (i32.const 12)))
  (call $mp_js_init (i32.const 16384) (i32.const 4194304))
  (call $proxy_c_init)
  (call $mp_js_do_exec (call $copied.script) (i32.const #script) (local.get $value))
  (call $mp_js_do_import (call $copied.names) (local.get $value))
  (global.set $program (i32.load offset=4 (local.get $value))))

;; Calls the function whose name is at that offset in the names.
(func $kernel (param $name i32) (param $n i32) (result i32)
  (local $names i32) (local $argument i32) (local $value i32) (local $result i32)
  (if (i32.eq (global.get $program) (i32.const -1)) (then (call $start)))
  (local.set $names (call $copied.names))
  (local.set $argument (call $malloc (i32.const 12)))
  (local.set $value (call $malloc (i32.const 12)))
  (i32.store (local.get $argument) (i32.const 3)) ;; an integer
  (i32.store offset=4 (local.get $argument) (local.get $n))
  (call $proxy_c_to_js_lookup_attr (global.get $program) (i32.add (local.get $names) (local.get $name)) (local.get $value))
  (call $proxy_c_to_js_call (call $checked (local.get $value) (i32.const 6)) (i32.const 1) (local.get $argument) (local.get $value))
  (local.set $result (call $checked (local.get $value) (i32.const 3)))
  (call $free (local.get $names))
  (call $free (local.get $argument))
  (call $free (local.get $value))
  (local.get $result))

(func (export "k_py_fib") (param i32) (result i32) (call $kernel (i32.const 9) (local.get 0)))
(func (export "k_py_sorts") (param i32) (result i32) (call $kernel (i32.const 13) (local.get 0)))
(func (export "k_py_strs") (param i32) (result i32) (call $kernel (i32.const 19) (local.get 0)))
(func (export "k_py_dicts") (param i32) (result i32) (call $kernel (i32.const 24) (local.get 0)))
(func (export "k_py_trees") (param i32) (result i32) (call $kernel (i32.const 30) (local.get 0)))
(func (export "k_py_loops") (param i32) (result i32) (call $kernel (i32.const 36) (local.get 0)))
(func (export "sw_py") (param i32) (result i32) (call $kernel (i32.const 42) (local.get 0)))

(func (export "set_budget") (param i32)) ;; kernels do not suspend
(func (export "async_buf") (result i32)
  (if (i32.eqz (global.get $room)) (then (global.set $room (call $malloc (call $async_buf_size)))))
  (global.get $room))
(func $async_buf_size (export "async_buf_size") (result i32) (i32.const 1048576))
