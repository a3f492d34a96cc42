;; For a host that has several calls of one instance under way. Each call is a main fiber
;; in a region that the host gives, for both of its stacks; a function of the host that
;; takes its time is something that the fiber which has called it waits for, while others
;; run. The host drives the module:
;;
;;   host_enter  says which call the next call of an export is; then the host calls it
;;   host_run    runs fibers until it is the turn of a call, whose export is to be called
;;   host_wait   a function of the host calls it, and returns: the fiber waits
;;   host_wake   ends the wait: the function of the host will be called again, calls
;;               host_wait again, and returns the result
;;   host_drop   gives a call up
;;
;; A call is over when the status of its fiber is 4.

(global $fiber.main (mut i32) (i32.const 0)) ;; the call that was entered; -1: host_run; 0: the host does not drive
(global $fiber.entered (mut i32) (i32.const 0)) ;; the call that is entered next

;; host_enter makes the next call of an export that of a main fiber: one that has left
;; before, or if size is not 0 a new one with a region of so many bytes; f 0: none.
;; One whose turn it was stands in line again.
(func $fiber.host_enter (param $f i32) (param $size i32)
  (if (i32.and (i32.ne (global.get $fiber.entered) (i32.const 0)) (i32.ne (local.get $size) (i32.const 0)))
    (then (call $fiber.wake (global.get $fiber.entered) (i32.load offset=32 (global.get $fiber.entered)))))
  (if (local.get $size)
    (then
      (call $fiber.reset (local.get $f) (local.get $size))
      (i32.store offset=60 (local.get $f) (i32.const -1))))
  (global.set $fiber.entered (local.get $f)))

;; host_run runs the fibers that are ready, until it is the turn of a main fiber. It
;; returns that one, or 0 if no fiber is ready.
(func $fiber.host_run (result i32)
  (local $f i32) (local $before i32) (local $result i32)
  (call $fiber.check_call)
  (local.set $before (global.get $fiber.call))
  (global.set $fiber.calls (i32.add (global.get $fiber.calls) (i32.const 1)))
  (global.set $fiber.call (global.get $fiber.calls))
  (global.set $fiber.nested (i32.const 0))
  (global.set $fiber.main (i32.const -1))
  (if (i32.eqz (global.get $fiber.entered))
    (then
      (call $fiber.become (i32.const 0))
      (global.set $fiber.target (call $fiber.next))
      (block $done
        (loop $next
          (br_if $done (call $fiber.host_main (global.get $fiber.target)))
          (drop (call $fiber.go (local.tee $f (global.get $fiber.target))))
          (local.set $result (call $fiber.entry (local.get $f)))
          (if (global.get $fiber.state)
            (then (call $fiber.unwound (global.get $fiber.running)))
            (else (call $fiber.done (local.get $result))))
          (br $next)))))
  (global.set $fiber.target (i32.const 0))
  (global.set $fiber.main (i32.const 0))
  (global.set $fiber.call (local.get $before))
  (call $fiber.become (i32.const 0))
  (local.set $f (global.get $fiber.entered))
  (global.set $fiber.entered (i32.const 0))
  (local.get $f))

;; host_wait is called by a function of the host, which then returns. The fiber that runs
;; waits for host_wake; when it goes on, the same function of the host is called again
;; and calls this again. It returns the fiber; 0 if the call unwinds already, so that its
;; caller is not instrumented.
(func $fiber.host_wait (result i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 1)) (then (return (i32.const 0))))
  (if (i32.eq (global.get $fiber.state) (i32.const 2))
    (then
      (drop (call $fiber.arrive))
      (return (global.get $fiber.running))))
  (if (i32.eqz (global.get $fiber.main)) (then (call $fiber.broken_off)))
  (i32.store offset=112 (call $fiber.self) (i32.const 10))
  (call $fiber.wait)
  (global.get $fiber.running))

;; host_wake makes a fiber ready that waits for the host.
(func $fiber.host_wake (param $f i32)
  (call $fiber.wake (local.get $f) (i32.const 0)))

;; host_drop gives a call up that waits for the host. Its region is the host's again.
(func $fiber.host_drop (param $f i32)
  (call $fiber.give (local.get $f))
  (global.set $fiber.pool (i32.load offset=36 (local.get $f))))

;; host_timer returns in how many nanoseconds host_run is to be called again, though the host
;; has woken nobody: the first sleeper wakes then, and descriptors are looked at every five
;; milliseconds. It may be late already. The greatest number: never.
(func $fiber.host_timer (result i64)
  (local $left i64)
  (local.set $left (i64.const 0x7fffffffffffffff))
  (if (global.get $fiber.sleepers)
    (then (local.set $left (i64.sub (i64.load offset=96 (global.get $fiber.sleepers)) (call $fiber.now)))))
  (if (global.get $fiber.watchers)
    (then (if (i64.gt_s (local.get $left) (i64.const 5000000)) (then (local.set $left (i64.const 5000000))))))
  (local.get $left))

;; host_entered begins or goes on with the call that was entered. It returns 0 if there is
;; none: the function was called in some other way.
(func $fiber.host_entered (result i32)
  (global.set $fiber.main (global.get $fiber.entered))
  (global.set $fiber.entered (i32.const 0))
  (if (i32.eqz (global.get $fiber.main)) (then (return (i32.const 0))))
  (drop (call $fiber.go (global.get $fiber.main)))
  (call $hook.note_root)
  (i32.const 1))

;; host_main reports whether it is the host's turn, since nothing is ready or a main fiber
;; is to run in a call of its own export.
(func $fiber.host_main (param $f i32) (result i32)
  (if (i32.eq (local.get $f) (i32.const -1)) (then (return (call $fiber.host_driven))))
  (if (i32.or (i32.eq (local.get $f) (global.get $fiber.main)) (i32.eqz (call $fiber.is_call (local.get $f)))) (then (return (i32.const 0))))
  (if (i32.eqz (global.get $fiber.main)) (then (call $fiber.below_host)))
  (global.set $fiber.entered (local.get $f))
  (i32.const 1))

;; is_call reports whether a fiber is a main fiber in a region of the host.
(func $fiber.is_call (param $f i32) (result i32)
  (i32.and (i32.eqz (i32.load (local.get $f))) (i32.eq (i32.load offset=60 (local.get $f)) (i32.const -1))))

;; host_driven reports whether the host is there to go on with when no fiber is ready.
(func $fiber.host_driven (result i32)
  (i32.ne (global.get $fiber.main) (i32.const 0)))

;; host_limit is called when a fiber begins to run: that of a call has its shadow stack in
;; its region.
(func $fiber.host_limit (param $f i32)
  (if (call $fiber.is_call (local.get $f))
    (then
      (global.set $fiber.limit (i32.add (local.get $f) (i32.const 128)))
      (global.set $fiber.room (i32.sub (i32.load offset=20 (local.get $f)) (global.get $fiber.limit))))))

;; host_ended is called when an export has returned. It returns 1 if that was a call of
;; the host, whose region is the host's again.
(func $fiber.host_ended (result i32)
  (if (i32.eqz (global.get $fiber.running)) (then (return (i32.const 0))))
  (if (i32.eqz (call $fiber.is_call (global.get $fiber.running))) (then (return (i32.const 0))))
  (call $fiber.host_drop (call $fiber.self))
  (i32.store offset=24 (global.get $fiber.running) (i32.const 4))
  (i32.const 1))

(func $fiber.below_host (unreachable))
