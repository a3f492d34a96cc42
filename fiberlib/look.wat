;; Looking at fibers from inside, and what is noted for those who look from outside.

(global $fiber.root (mut i32) (i32.const 0)) ;; the number of the function that the main fiber runs, in the map of the frames

;; note_root notes it in the region of the main fiber.
(func $fiber.note_root
  (i32.store offset=4 (global.get $fiber.running) (global.get $fiber.root)))

;; note_use notes how many bytes the stacks of a fiber take that has unwound.
(func $fiber.note_use (param $f i32)
  (local $use i32)
  (local.set $use (i32.sub (i32.load offset=8 (local.get $f)) (i32.add (local.get $f) (i32.const 128))))
  (if (i32.load (local.get $f)) ;; not a main fiber
    (then (local.set $use (i32.add (local.get $use) (i32.sub (i32.load offset=20 (local.get $f)) (i32.load offset=16 (local.get $f)))))))
  (if (i32.gt_u (local.get $use) (i32.load offset=120 (local.get $f)))
    (then (i32.store offset=120 (local.get $f) (local.get $use)))))

;; stuck_later lets the fiber that runs unwind before the program ends, so that its
;; stack can be seen, too: -1 is no fiber.
(func $fiber.stuck_later (result i32)
  (i32.const -1))

;; see is told of each fiber before it runs.
(func $fiber.see (param $f i32)
  (if (i32.eq (local.get $f) (i32.const -1)) (then (call $fiber.deadlock))))
