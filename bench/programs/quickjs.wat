;; What is put into QuickJS in place of imports of its host: kernels that call the
;; functions of quickjs.js, and a host function that a script calls.
(import "env" "yield" (func $yield (param i32) (result i32)))

(global $kernels (mut i32) (i32.const 0)) ;; the list that the script yields
(global $room (mut i32) (i32.const 0))    ;; for frames, one MiB
(data $script "quickjs.js")               ;; its text

;; The only function that scripts have of the host: yield(number).
(func $env.host_call (param $name i32) (param $length i32) (param $this i32) (param $argc i32) (param $argv i32) (result i32)
  (call $qjs_new_number (f64.convert_i32_s (call $yield (i32.trunc_f64_s (call $qjs_get_float64 (i32.load (local.get $argv))))))))

(func $env.host_get_timezone_offset (param i32 i32) (result i32) (i32.const 0))

;; Calls a function with one argument; what it throws traps.
(func $call.one (param $function i32) (param $argument i32) (result i32)
  (local $list i32) (local $result i32)
  (i32.store (local.tee $list (call $malloc (i32.const 4))) (local.get $argument))
  (local.set $result (call $qjs_call (local.get $function) (call $qjs_get_undefined) (i32.const 1) (local.get $list)))
  (if (call $qjs_is_exception (local.get $result)) (then unreachable))
  (call $free (local.get $list))
  (call $qjs_free_value (local.get $argument))
  (call $qjs_free_value (local.get $function))
  (local.get $result))

(func $start
  (local $text i32) (local $size i32)
  (if (call $qjs_init) (then unreachable))
  (local.set $size (i32.const #script))
  (memory.init $script (local.tee $text (call $malloc (i32.add (local.get $size) (i32.const 1)))) (i32.const 0) (local.get $size))
  (i32.store8 (i32.add (local.get $text) (local.get $size)) (i32.const 0))
  (global.set $kernels
    (call $call.one
      (call $qjs_eval (local.get $text) (local.get $size) (i32.add (local.get $text) (local.get $size)) (i32.const 0))
      (call $qjs_new_host_function (local.get $text) (i32.const 0) (i32.const 0)))))

(func $kernel (param $index i32) (param $n i32) (result i32)
  (local $value i32) (local $result i32)
  (if (i32.eqz (global.get $kernels)) (then (call $start)))
  (local.set $value
    (call $call.one (call $qjs_get_prop_uint32 (global.get $kernels) (local.get $index)) (call $qjs_new_number (f64.convert_i32_s (local.get $n)))))
  (local.set $result (i32.trunc_f64_s (call $qjs_get_float64 (local.get $value))))
  (call $qjs_free_value (local.get $value))
  (local.get $result))

(func (export "k_js_fib") (param i32) (result i32) (call $kernel (i32.const 0) (local.get 0)))
(func (export "k_js_sorts") (param i32) (result i32) (call $kernel (i32.const 1) (local.get 0)))
(func (export "k_js_strs") (param i32) (result i32) (call $kernel (i32.const 2) (local.get 0)))
(func (export "k_js_json") (param i32) (result i32) (call $kernel (i32.const 3) (local.get 0)))
(func (export "k_js_trees") (param i32) (result i32) (call $kernel (i32.const 4) (local.get 0)))
(func (export "k_js_sieve") (param i32) (result i32) (call $kernel (i32.const 5) (local.get 0)))
(func (export "sw_js") (param i32) (result i32) (call $kernel (i32.const 6) (local.get 0)))

(func (export "set_budget") (param i32)) ;; kernels do not suspend
(func (export "async_buf") (result i32)
  (if (i32.eqz (global.get $room)) (then (global.set $room (call $malloc (call $async_buf_size)))))
  (global.get $room))
(func $async_buf_size (export "async_buf_size") (result i32) (i32.const 1048576))
