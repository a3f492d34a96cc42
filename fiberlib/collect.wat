;; For languages with a runtime of their own: their allocator, if it has no name, and the
;; stacks that their garbage collector has to look at.

(global $fiber.malloc (mut i32) (i32.const 0)) ;; indices of the table
(global $fiber.free_memory (mut i32) (i32.const 0))
(global $fiber.has_allocator (mut i32) (i32.const 0)) ;; 1 when they are known

;; set_allocator says which functions of the table stand for malloc and free. A program
;; that imports it calls it first.
(func $fiber.set_allocator (export "set_allocator") (param $malloc i32) (param $free i32)
  (global.set $fiber.malloc (local.get $malloc))
  (global.set $fiber.free_memory (local.get $free))
  (global.set $fiber.has_allocator (i32.const 1)))

(func $fiber.call_malloc (param $size i32) (result i32)
  (if (i32.eqz (global.get $fiber.has_allocator)) (then (call $fiber.no_allocator)))
  (call_indirect (param i32) (result i32) (local.get $size) (global.get $fiber.malloc)))

(func $fiber.call_free (param $at i32)
  (call_indirect (param i32) (local.get $at) (global.get $fiber.free_memory)))

(func $fiber.no_allocator (unreachable))

;; next_stack goes through all fibers: it returns the first one for 0, then the one behind
;; f, and 0 behind the last. It stores two words at an address: the lowest byte of the
;; fiber's shadow stack that is in use, and the first behind it, 0 if that is where the
;; stack ends that the program has anyway.
(func $fiber.next_stack (export "next_stack") (param $f i32) (param $ends i32) (result i32)
  (local $low i32)
  (if (i32.lt_u (global.get $program.sp) (global.get $fiber.limit)) (then (call $fiber.overflow (i32.sub (global.get $fiber.limit) (global.get $program.sp)))))
  (local.set $f (if (result i32) (local.get $f) (then (i32.load offset=40 (local.get $f))) (else (global.get $fiber.all))))
  (if (i32.eqz (local.get $f)) (then (return (i32.const 0))))
  (if (i32.eqz (call $fiber.is_whole (local.get $f))) (then (call $fiber.overflow (i32.const 77))))
  (i32.store (local.get $ends) (local.tee $low (call $fiber.stack_low (local.get $f))))
  (i32.store offset=4 (local.get $ends) (call $fiber.stack_high (local.get $f) (local.get $low)))
  (local.get $f))

;; stack_low returns the lowest byte of a fiber's shadow stack. Of a fiber that runs and has
;; called the host, which has called an export, it is that of whatever runs then.
(func $fiber.stack_low (param $f i32) (result i32)
  (if (i32.eq (i32.load offset=24 (local.get $f)) (i32.const 2)) (then (return (global.get $program.sp))))
  (if (i32.eq (i32.load offset=24 (local.get $f)) (i32.const 4)) (then (return (call $fiber.stack_top (local.get $f)))))
  (i32.load offset=16 (local.get $f)))

;; stack_high returns the end of the shadow stack that an address is in. A main fiber can
;; have its own in the region of a fiber that has called the host.
(func $fiber.stack_high (param $f i32) (param $low i32) (result i32)
  (if (i32.and (i32.ne (i32.load (local.get $f)) (i32.const 0)) (i32.ne (i32.load offset=24 (local.get $f)) (i32.const 2)))
    (then (return (call $fiber.stack_top (local.get $f)))))
  (local.set $f (global.get $fiber.all))
  (loop $search (result i32)
    (if (i32.eqz (local.get $f)) (then (return (i32.const 0))))
    (if (call $fiber.has_stack_at (local.get $f) (local.get $low)) (then (return (call $fiber.stack_top (local.get $f)))))
    (local.set $f (i32.load offset=40 (local.get $f)))
    (br $search)))

;; has_stack_at reports whether an address is in the region of a fiber, or its end.
(func $fiber.has_stack_at (param $f i32) (param $at i32) (result i32)
  (if (i32.eqz (i32.load (local.get $f))) (then (return (i32.const 0))))
  (i32.and
    (i32.gt_u (local.get $at) (local.get $f))
    (i32.le_u (local.get $at) (call $fiber.stack_top (local.get $f)))))

;; stack_top returns where the shadow stack of a fiber began.
(func $fiber.stack_top (param $f i32) (result i32)
  (i32.and (i32.load offset=20 (local.get $f)) (i32.const -16)))
