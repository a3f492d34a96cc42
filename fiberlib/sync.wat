;; Semaphores, condition variables and wait groups. They lie in memory of the program,
;; all zero at first but for what is said; fibers wait in line.
;;
;;   semaphore   0 count   4 first and 8 last fiber that waits
;;               a mutex is one with count 1
;;   condition   0 first and 4 last fiber that waits
;;   group       0 count   4 first and 8 last fiber that waits

;; acquire takes one from a semaphore, and waits if there is none.
(func $fiber.acquire (export "acquire") (param $sem i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (drop (call $fiber.arrive)) (return)))
  (if (i32.load (local.get $sem))
    (then
      (i32.store (local.get $sem) (i32.sub (i32.load (local.get $sem)) (i32.const 1)))
      (return)))
  (call $fiber.append (i32.add (local.get $sem) (i32.const 4)) (call $fiber.self))
  (i32.store offset=104 (global.get $fiber.running) (local.get $sem))
  (i32.store offset=112 (global.get $fiber.running) (i32.const 6))
  (call $fiber.wait))

;; release gives one back: to the fiber that has waited longest, if one waits.
(func $fiber.release (export "release") (param $sem i32)
  (if (i32.load offset=4 (local.get $sem))
    (then (call $fiber.wake (call $fiber.remove (i32.add (local.get $sem) (i32.const 4))) (i32.const 0)))
    (else (i32.store (local.get $sem) (i32.add (i32.load (local.get $sem)) (i32.const 1))))))

;; cond_wait gives a mutex back and waits for a signal; when it returns it has the mutex
;; again.
(func $fiber.cond_wait (export "cond_wait") (param $cond i32) (param $mutex i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (drop (call $fiber.arrive)) (return)))
  (i32.store offset=64 (call $fiber.self) (local.get $mutex))
  (i32.store offset=104 (global.get $fiber.running) (local.get $cond))
  (i32.store offset=112 (global.get $fiber.running) (i32.const 7))
  (call $fiber.append (local.get $cond) (global.get $fiber.running))
  (call $fiber.release (local.get $mutex))
  (call $fiber.wait))

;; cond_signal lets the fiber that has waited longest go on as soon as it can have its
;; mutex.
(func $fiber.cond_signal (export "cond_signal") (param $cond i32)
  (local $f i32) (local $mutex i32)
  (if (i32.eqz (i32.load (local.get $cond))) (then (return)))
  (local.set $f (call $fiber.remove (local.get $cond)))
  (local.set $mutex (i32.load offset=64 (local.get $f)))
  (if (i32.load (local.get $mutex))
    (then
      (i32.store (local.get $mutex) (i32.sub (i32.load (local.get $mutex)) (i32.const 1)))
      (call $fiber.wake (local.get $f) (i32.const 0)))
    (else
      (i32.store offset=104 (local.get $f) (local.get $mutex))
      (i32.store offset=112 (local.get $f) (i32.const 6))
      (call $fiber.append (i32.add (local.get $mutex) (i32.const 4)) (local.get $f)))))

;; cond_broadcast does so for all fibers that wait.
(func $fiber.cond_broadcast (export "cond_broadcast") (param $cond i32)
  (loop $next
    (if (i32.load (local.get $cond)) (then (call $fiber.cond_signal (local.get $cond)) (br $next)))))

;; group_add adds n, which may be negative, to what a wait group waits for.
(func $fiber.group_add (export "group_add") (param $group i32) (param $n i32)
  (i32.store (local.get $group) (i32.add (i32.load (local.get $group)) (local.get $n)))
  (if (i32.load (local.get $group)) (then (return)))
  (loop $next
    (if (i32.load offset=4 (local.get $group))
      (then
        (call $fiber.wake (call $fiber.remove (i32.add (local.get $group) (i32.const 4))) (i32.const 0))
        (br $next)))))

;; group_wait waits until there is nothing to wait for.
(func $fiber.group_wait (export "group_wait") (param $group i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (drop (call $fiber.arrive)) (return)))
  (if (i32.eqz (i32.load (local.get $group))) (then (return)))
  (call $fiber.append (i32.add (local.get $group) (i32.const 4)) (call $fiber.self))
  (i32.store offset=104 (global.get $fiber.running) (i32.add (local.get $group) (i32.const 4)))
  (i32.store offset=112 (global.get $fiber.running) (i32.const 4))
  (call $fiber.wait))

;; append puts a fiber at the end of a line: the addresses of its first and last.
(func $fiber.append (param $line i32) (param $f i32)
  (i32.store offset=36 (local.get $f) (i32.const 0))
  (if (i32.load (local.get $line))
    (then (i32.store offset=36 (i32.load offset=4 (local.get $line)) (local.get $f)))
    (else (i32.store (local.get $line) (local.get $f))))
  (i32.store offset=4 (local.get $line) (local.get $f)))

;; remove takes the first fiber out of a line that is not empty.
(func $fiber.remove (param $line i32) (result i32)
  (local $f i32)
  (local.set $f (i32.load (local.get $line)))
  (i32.store (local.get $line) (i32.load offset=36 (local.get $f)))
  (local.get $f))
