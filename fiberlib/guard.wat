;; Guards: with `watfiber build --guard`, functions that take bytes from the shadow stack
;; check, before they use them, that it stays between these bounds. Functions that call
;; nothing may use 128 bytes more without taking them: so many are kept free.

(global $fiber.main_floor (mut i32) (i32.const 0)) ;; the lowest address of the main stack,
(global $fiber.main_height (mut i32) (i32.const -1)) ;; and its bytes; -1: not known
(global $fiber.floor (mut i32) (i32.const 0)) ;; the lowest address of the stack that is in use,
(global $fiber.height (mut i32) (i32.const -1)) ;; and its bytes above that

;; bounds finds them for the fiber that is to run. A main fiber runs on the main stack, or
;; if a host calls from below another fiber on the stack of that.
(func $fiber.bounds
  (if (global.get $fiber.limit)
    (then
      (global.set $fiber.floor (i32.add (global.get $fiber.limit) (i32.const 128)))
      (global.set $fiber.height (i32.sub (global.get $fiber.room) (i32.const 128)))
      (return)))
  (if (i32.le_u (i32.sub (global.get $program.sp) (global.get $fiber.floor)) (global.get $fiber.height)) (then (return)))
  (global.set $fiber.floor (global.get $fiber.main_floor))
  (global.set $fiber.height (global.get $fiber.main_height))
  (if (i32.le_u (i32.sub (global.get $program.sp) (global.get $fiber.floor)) (global.get $fiber.height)) (then (return)))
  (global.set $fiber.floor (i32.const 0))
  (global.set $fiber.height (i32.const -1)))

;; bounds_of finds them for a region of the program's own: where it begins is not known
;; any more when it has run, so anything above the floor is right.
(func $fiber.bounds_of (param $r i32)
  (if (i32.eqz (i32.load (local.get $r)))
    (then
      (global.set $fiber.floor (global.get $fiber.main_floor))
      (global.set $fiber.height (global.get $fiber.main_height))
      (return)))
  (global.set $fiber.floor (i32.add (local.get $r) (i32.const 144)))
  (global.set $fiber.height (i32.xor (global.get $fiber.floor) (i32.const -1))))

;; too_deep is called when the stack pointer is out of bounds.
(func $fiber.too_deep
  (if (i32.eq (global.get $fiber.height) (i32.xor (global.get $fiber.floor) (i32.const -1)))
    (then (call $fiber.stack_overflow (i32.sub (global.get $fiber.floor) (i32.const 144)) (i32.const 0) (i32.const 0))))
  (call $fiber.stack_overflow
    (global.get $fiber.running)
    (i32.sub (i32.add (global.get $fiber.floor) (global.get $fiber.height)) (global.get $program.sp))
    (global.get $fiber.height)))
