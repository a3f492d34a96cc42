;; A function that starts an unwind and ends it: an optimiser that inlines makes such
;; functions of two.
(module
  (import "asyncify" "start_unwind" (func $start_unwind (param i32)))
  (import "asyncify" "stop_unwind" (func $stop_unwind))
  (memory (export "memory") 1)
  (func $both (export "both")
    i32.const 16
    call $start_unwind
    call $stop_unwind
  )
)
