;; A fiber that resumes another, which resumes the first: that one cannot be resumed.
(module
  (import "fiber" "create" (func $create (param i32 i32) (result i32)))
  (import "fiber" "resume" (func $resume (param i32 i32) (result i32)))
  (memory 1)
  (table funcref (elem $outer $outer $inner))
  (func (export "start") (result i32)
    (local $f i32)
    (local.set $f (call $create (i32.const 1) (i32.const 0)))
    (call $resume (local.get $f) (local.get $f)))
  (func $outer (param $self i32) (result i32)
    (call $resume (call $create (i32.const 2) (i32.const 0)) (local.get $self)))
  (func $inner (param $outer i32) (result i32)
    (call $resume (local.get $outer) (i32.const 0))))
