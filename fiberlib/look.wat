;; Looking at fibers from inside: a list of them, what they wait for, what their stacks
;; take and where those lie, so that a garbage collector finds every root. And what is
;; noted for those who look from outside.

(global $fiber.root (mut i32) (i32.const 0)) ;; the number of the function that the main fiber runs, in the map of the frames
(global $fiber.looker (mut i32) (i32.const 0)) ;; the function that wants to look
(global $fiber.looked_for (mut i32) (i32.const 0)) ;; and its argument
(global $fiber.looking (mut i32) (i32.const 0)) ;; 1 while it is called

;; each returns the fiber behind another in the list of all, the first for 0, and 0
;; behind the last. Main fibers are in it once they have switched.
(func $fiber.each (export "each") (param $f i32) (result i32)
  (if (i32.eqz (local.get $f)) (then (return (global.get $fiber.all))))
  (call $fiber.must_be (local.get $f))
  (i32.load offset=40 (local.get $f)))

;; waits_for returns what a fiber waits for: 1 another fiber, or to be unparked; 2
;; channels; 3 a time; 4 a group; 5 input or output; 6 a semaphore; 7 a condition; 9
;; channels or a time; 10 the host; 0 if it does not wait.
(func $fiber.waits_for (export "waits_for") (param $f i32) (result i32)
  (call $fiber.must_be (local.get $f))
  (if (i32.ne (i32.load offset=24 (local.get $f)) (i32.const 6)) (then (return (i32.const 0))))
  (i32.load offset=112 (local.get $f)))

;; used returns how many bytes the stacks of a fiber took when it was suspended last.
(func $fiber.used (export "used") (param $f i32) (result i32)
  (local $use i32)
  (call $fiber.must_be (local.get $f))
  (if (i32.load offset=8 (local.get $f))
    (then (local.set $use (i32.sub (i32.load offset=8 (local.get $f)) (i32.add (local.get $f) (i32.const 128))))))
  (if (call $fiber.has_stack_here (local.get $f))
    (then (local.set $use (i32.add (local.get $use) (i32.sub (i32.load offset=20 (local.get $f)) (i32.load offset=16 (local.get $f)))))))
  (local.get $use))

;; most_used returns the most bytes that they took at any switch.
(func $fiber.most_used (export "most_used") (param $f i32) (result i32)
  (call $fiber.must_be (local.get $f))
  (i32.load offset=120 (local.get $f)))

;; look calls a function with a value while no fiber runs: the one that does unwinds,
;; and goes on afterwards. The function runs on the program's own stack, and must not
;; suspend.
(func $fiber.look (export "look") (param $function i32) (param $value i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (drop (call $fiber.arrive)) (return)))
  (global.set $fiber.looker (local.get $function))
  (global.set $fiber.looked_for (local.get $value))
  (call $fiber.leave (call $fiber.self)))

;; look_now calls the function that wants to look, if there is one.
(func $fiber.look_now
  (local $function i32)
  (local.set $function (global.get $fiber.looker))
  (if (i32.eqz (local.get $function)) (then (return)))
  (global.set $fiber.looker (i32.const 0))
  (if (global.get $fiber.limit) (then (call $fiber.use_main_stack)))
  (global.set $fiber.limit (i32.const 0))
  (global.set $fiber.looking (i32.const 1))
  (call_indirect (param i32) (global.get $fiber.looked_for) (local.get $function))
  (global.set $fiber.looking (i32.const 0))
  (if (global.get $fiber.state) (then (call $fiber.look_suspends (global.get $fiber.running)))))

;; use_main_stack sets the stack pointer to where the program's own stack is free.
(func $fiber.use_main_stack
  (local $sp i32)
  (local.set $sp (call $fiber.main_sp))
  (if (i32.eq (local.get $sp) (i32.const -1)) (then (local.set $sp (global.get $program.stack_base))))
  (if (local.get $sp) (then (global.set $program.sp (local.get $sp)))))

;; ranges calls a function for each part of memory that holds a stack in use: with its
;; first address, the one behind its last, and a value. These are the frames of fibers
;; that are suspended, and their shadow stacks. That of the fiber that runs is not
;; among them: call it from a function that looks.
(func $fiber.ranges (export "ranges") (param $function i32) (param $value i32)
  (local $f i32) (local $end i32)
  (local.set $f (global.get $fiber.all))
  (loop $next
    (if (local.get $f)
      (then
        (if (call $fiber.has_stack (local.get $f))
          (then
            (call $fiber.range (local.get $function) (call $fiber.frames_start (local.get $f)) (call $fiber.frames_end (local.get $f)) (local.get $value))
            (local.set $end (i32.load offset=20 (local.get $f)))
            (if (i32.eqz (call $fiber.has_stack_here (local.get $f)))
              (then
                (local.set $end (global.get $program.stack_base))
                (if (i32.eqz (local.get $end)) (then (local.set $end (i32.shl (memory.size) (i32.const 16)))))))
            (call $fiber.range (local.get $function) (i32.load offset=16 (local.get $f)) (local.get $end) (local.get $value))))
        (local.set $f (i32.load offset=40 (local.get $f)))
        (br $next)))))

;; range calls a function for a range that is not empty.
(func $fiber.range (param $function i32) (param $start i32) (param $end i32) (param $value i32)
  (if (i32.lt_u (local.get $start) (local.get $end))
    (then (call_indirect (param i32 i32 i32) (local.get $start) (local.get $end) (local.get $value) (local.get $function)))))

;; has_stack reports whether a fiber is in the middle of something and does not run.
(func $fiber.has_stack (param $f i32) (result i32)
  (if (i32.load offset=56 (local.get $f)) (then (return (i32.const 1)))) ;; a host has suspended it
  (if (i32.eqz (i32.load offset=8 (local.get $f))) (then (return (i32.const 0)))) ;; it has never been suspended
  (if (i32.eq (i32.load offset=24 (local.get $f)) (i32.const 2)) (then (return (global.get $fiber.looking))))
  (i32.ne (i32.load offset=24 (local.get $f)) (i32.const 4)))

;; frames_start returns where the frames of a fiber begin: behind the header of its
;; region, or behind the data block of the host that has suspended it.
(func $fiber.frames_start (param $f i32) (result i32)
  (if (i32.load offset=56 (local.get $f)) (then (return (i32.add (i32.load offset=56 (local.get $f)) (i32.const 8)))))
  (i32.add (local.get $f) (i32.const 128)))

;; frames_end returns where they end.
(func $fiber.frames_end (param $f i32) (result i32)
  (if (i32.load offset=56 (local.get $f)) (then (return (i32.load (i32.load offset=56 (local.get $f))))))
  (i32.load offset=8 (local.get $f)))

;; note_root notes which function the main fiber runs.
(func $fiber.note_root
  (i32.store offset=4 (global.get $fiber.running) (global.get $fiber.root)))

;; note_use notes how many bytes the stacks of a fiber take that has unwound.
(func $fiber.note_use (param $f i32)
  (local $use i32)
  (local.set $use (call $fiber.used (local.get $f)))
  (if (i32.gt_u (local.get $use) (i32.load offset=120 (local.get $f)))
    (then (i32.store offset=120 (local.get $f) (local.get $use)))))

;; stuck_later lets the fiber that runs unwind before the program ends, so that its
;; stack can be seen, too: -1 is no fiber.
(func $fiber.stuck_later (result i32)
  (i32.const -1))

;; see is told of each fiber before it runs.
(func $fiber.see (param $f i32)
  (if (i32.eq (local.get $f) (i32.const -1)) (then (call $fiber.deadlock (global.get $fiber.running)))))

(func $fiber.look_suspends (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
