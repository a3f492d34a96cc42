;; The core of the fiber runtime: fibers that are created, resumed, that yield, and
;; that switch to each other.
;;
;; watfiber links the functions of this file that a program imports from module
;; fiber, with what they need; the imports below stand for what it is linked with. A call
;; of a hook is a line of its own, and left out when nothing in the program needs it.
;;
;; A fiber is known by the address of its region, lowest address first:
;;
;;    0  entry: an index of the table, of a function i32 -> i32; 0: a main fiber
;;    4  argument of the entry; of a main fiber the number of its function in the map of
;;       the frames, if there is one
;;    8  position  \ the data block of the transform: where the next frame goes, 0 if the
;;   12  end       / functions of the fiber are on the engine's stack; where frames have to end
;;   16  stack pointer, while the fiber does not run
;;   20  top: the end of the region
;;   24  status: 0 new, 1 suspended, 2 running, 3 resuming another one, 4 done,
;;       5 ready to run, 6 waiting for an event
;;   28  resumer: who gets control when it yields or ends
;;   32  value that a switch brings; while a host has suspended the fiber, the number of
;;       the call that it ran in
;;   36  next fiber in the queue that it waits in, or next region in the pool
;;   40  next and
;;   44  previous in the list of all fibers
;;   48  canary: the complement of the region's address
;;   52  what the program keeps with the fiber
;;   56  data block of the host that has suspended it, or 0
;;   60  the fiber that waits for this one to end; -1: none will, it was spawned; of a
;;       main fiber, the number of its call, or -1 for a call that the host drives
;;   64  cases of the select that it waits in, and
;;   68  how many they are
;;   72  a case for an operation on one channel, 32 bytes
;;   96  the time at which it wakes, while it sleeps: 8 bytes
;;  104  where it waits: the fiber that is joined, or the line that this one stands in
;;  108  the reason why it was cancelled, 0 if it was not
;;  112  what it waits for: 1 another fiber, or to be unparked; 2 channels; 3 a time; 4 a
;;       group; 5 descriptors; 6 a semaphore; 7 a condition; 8, though it is ready, that no
;;       other one is; 9 channels or a time; 10 the host
;;  116  the list of what is to be done when it ends
;;  120  the most bytes that its stacks have taken at a switch, if that is noted
;;  124  –
;;  128  frames, which grow up … and the shadow stack, which grows down from top
;;
;; A main fiber runs on the stack that the program has anyway; its region has
;; frames only. That of a call that the host drives has both stacks in its region.
;;
;; Functions that suspend are called twice for each switch: to leave, and at the end
;; of the rewind once more. They do nothing behind the switch, so that they need no
;; frame themselves.
(import "program" "memory" (memory 1))
(import "program" "table" (table 1 funcref))
(import "program" "stack_pointer" (global $program.sp (mut i32)))
(import "program" "stack_base" (global $program.stack_base i32)) ;; where the program's own stack begins, from which it grows down; 0 if that is not known
(import "program" "malloc" (func $program.malloc (param i32) (result i32)))
(import "program" "free" (func $program.free (param i32)))
(import "program" "map_size" (global $program.map_size i32)) ;; bytes of the map of the frames, which map.wat reads
(import "program" "stuck" (func $program.stuck (result i32))) ;; what follows when no fiber is ready
(import "program" "clock_time_get" (func $program.clock_time_get (param i32 i64 i32) (result i32))) ;; of WASI
(import "program" "poll_oneoff" (func $program.poll_oneoff (param i32 i32 i32 i32) (result i32))) ;; of WASI
(import "program" "fd_fdstat_get" (func $program.fd_fdstat_get (param i32 i32) (result i32))) ;; of WASI
(import "program" "fd_fdstat_set_flags" (func $program.fd_fdstat_set_flags (param i32 i32) (result i32))) ;; of WASI
(import "program" "fd_read" (func $program.fd_read (param i32 i32 i32 i32) (result i32))) ;; of WASI
(import "program" "fd_write" (func $program.fd_write (param i32 i32 i32 i32) (result i32))) ;; of WASI
(import "program" "fd_close" (func $program.fd_close (param i32) (result i32))) ;; of WASI
(import "program" "fd_renumber" (func $program.fd_renumber (param i32 i32) (result i32))) ;; of WASI
(import "program" "sock_accept" (func $program.sock_accept (param i32 i32 i32) (result i32))) ;; of WASI
(import "program" "sock_recv" (func $program.sock_recv (param i32 i32 i32 i32 i32 i32) (result i32))) ;; of WASI
(import "program" "sock_send" (func $program.sock_send (param i32 i32 i32 i32 i32) (result i32))) ;; of WASI
(import "hook" "events" (func $hook.events)) ;; makes fibers ready whose time has come
(import "hook" "turn" (func $hook.turn)) ;; does so now and then, while fibers run
(import "hook" "shuffle" (func $hook.shuffle)) ;; chooses among the fibers that are ready
(import "hook" "selected" (func $hook.selected (param i32))) ;; the wait of a fiber for channels has ended
(import "hook" "timed_out" (func $hook.timed_out (param i32))) ;; the time of a fiber has come
(import "hook" "unwatch" (func $hook.unwatch (param i32))) ;; takes a fiber out of those that wait for descriptors
(import "hook" "end_wait" (func $hook.end_wait (param i32 i32))) ;; ends the wait of one of them with a value
(import "hook" "cleanup" (func $hook.cleanup (param i32))) ;; does what is to be done when a fiber ends
(import "hook" "guard" (func $hook.guard)) ;; sets the bounds that prologues check, and
(import "hook" "region" (func $hook.region (param i32))) ;; those of a region
(import "hook" "break" (func $hook.break)) ;; a module with fibers cannot be called afterwards
(import "hook" "note_root" (func $hook.note_root)) ;; notes which function the main fiber runs
(import "hook" "note_use" (func $hook.note_use (param i32))) ;; notes how much of its region a fiber has used
(import "hook" "see" (func $hook.see (param i32))) ;; is told of each fiber before it runs
(import "hook" "look_now" (func $hook.look_now)) ;; lets the program look at all fibers
(import "hook" "entered" (func $hook.entered (result i32))) ;; for a host that has many calls under way: begins one
(import "hook" "main" (func $hook.main (param i32) (result i32))) ;; is it the host's turn?
(import "hook" "ended" (func $hook.ended (result i32))) ;; is the main fiber that has ended the host's?
(import "hook" "driven" (func $hook.driven (result i32))) ;; may one wait for the host?
(import "hook" "limit" (func $hook.limit (param i32))) ;; sets the limit of a main fiber with a region for both stacks
(import "hook" "state" (func $hook.state (param i32))) ;; is told of each change of the state, and
(import "hook" "fiber" (func $hook.fiber (param i32 i32))) ;; what a fiber does: 0 goes on, 1 begins, 2 has ended, 3 has got a region
(import "transform" "state" (global $fiber.state (mut i32)))
(import "transform" "data" (global $fiber.data (mut i32)))
(import "transform" "start_unwind" (func $fiber.start_unwind (param i32)))
(import "transform" "stop_unwind" (func $fiber.stop_unwind))
(import "transform" "start_rewind" (func $fiber.start_rewind (param i32)))
(import "transform" "stop_rewind" (func $fiber.stop_rewind))

(global $fiber.running (mut i32) (i32.const 0)) ;; the fiber that runs; 0: a main fiber without a region
(global $fiber.limit (mut i32) (i32.const 0)) ;; how far down the shadow stack of the fiber that runs may grow
(global $fiber.room (mut i32) (i32.const -1)) ;; bytes from there to the top; -1: not known, of a main fiber
(global $fiber.nested (mut i32) (i32.const 0)) ;; how many resumers are on the stack of the engine
(global $fiber.target (mut i32) (i32.const 0)) ;; where an unwind leads; 0: to the host, who has started it; -1: no fiber is ready
(global $fiber.call (mut i32) (i32.const 0)) ;; the number of the call of an exported function that is under way
(global $fiber.calls (mut i32) (i32.const 0)) ;; how many there were
(global $fiber.taken (mut i32) (i32.const 0)) ;; the data block of the rewind that such a call has taken up
(global $fiber.culprit (export "fiber.culprit") (mut i32) (i32.const 0)) ;; for the host to read after a trap: the fiber that it is about,
(global $fiber.needed (export "fiber.needed") (mut i32) (i32.const 0)) ;; how many bytes it needed,
(global $fiber.available (export "fiber.available") (mut i32) (i32.const 0)) ;; and how many it had; 0: not known
(global $fiber.all (mut i32) (i32.const 0)) ;; the list of all fibers
(global $fiber.pool (mut i32) (i32.const 0)) ;; regions to use again
(global $fiber.stack_size (mut i32) (i32.const 65520)) ;; bytes of a region, if create is not told

;; create returns a new fiber, 0 if there is no memory for it. Its first resumption
;; calls entry with the value that it brings. size is that of the region, 0 for the
;; usual one.
(func $fiber.create (export "create") (param $entry i32) (param $size i32) (result i32)
  (local $f i32)
  (if (i32.eqz (local.get $size)) (then (local.set $size (global.get $fiber.stack_size))))
  (if (i32.lt_u (local.get $size) (i32.const 1024)) (then (local.set $size (i32.const 1024))))
  (if (i32.gt_u (local.get $size) (i32.const 0x7fffff00)) (then (return (i32.const 0))))
  (local.set $f (call $fiber.take (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -16))))
  (if (local.get $f) (then (i32.store (local.get $f) (local.get $entry))))
  (local.get $f))

;; free gives the region of a fiber back that does not run. What it was in the
;; middle of is given up, but for what it has deferred.
(func $fiber.free (export "free") (param $f i32)
  (call $fiber.must_be (local.get $f))
  (if (i32.eqz (i32.and (call $fiber.is_idle (local.get $f)) (i32.ne (i32.load (local.get $f)) (i32.const 0))))
    (then (call $fiber.cannot_free (local.get $f))))
  (call $hook.cleanup (local.get $f))
  (call $fiber.give (local.get $f)))

;; trim gives the memory of the pool back.
(func $fiber.trim (export "trim")
  (local $f i32)
  (loop $next
    (if (local.tee $f (global.get $fiber.pool))
      (then
        (global.set $fiber.pool (i32.load offset=36 (local.get $f)))
        (call $program.free (local.get $f))
        (br $next)))))

;; current returns the fiber that runs.
(func $fiber.current (export "current") (result i32)
  (if (i32.eqz (global.get $fiber.running))
    (then
      (global.set $fiber.running (call $fiber.take (global.get $fiber.stack_size)))
      (if (i32.eqz (global.get $fiber.running)) (then (call $fiber.out_of_memory (global.get $fiber.stack_size))))
      (i32.store offset=60 (global.get $fiber.running) (global.get $fiber.call))
      (call $hook.note_root)
      (call $hook.fiber (global.get $fiber.running) (i32.const 3))
      (i32.store offset=24 (global.get $fiber.running) (i32.const 2))))
  (global.get $fiber.running))

;; status returns 0 for a new fiber, 1 for one that is suspended, 2 for the one that
;; runs, 3 for one that has resumed another and waits for it, 4 for one that is done, 5
;; for one that is ready to run, 6 for one that waits.
(func $fiber.status (export "status") (param $f i32) (result i32)
  (i32.load offset=24 (local.get $f)))

;; get_local returns what set_local has put into a fiber.
(func $fiber.get_local (export "get_local") (param $f i32) (result i32)
  (i32.load offset=52 (local.get $f)))

(func $fiber.set_local (export "set_local") (param $f i32) (param $value i32)
  (i32.store offset=52 (local.get $f) (local.get $value)))

;; resume runs a fiber until it yields or ends, and returns what it has yielded or
;; returned. The value is the argument of its entry, or what its yield returns.
;;
;; The fiber runs on top of its resumer, which keeps its place on the stack of the
;; engine. If the fiber leaves for another one, or a host suspends it, the resumer
;; unwinds, too, and turn will lead back to it. At once it does so if there are many on
;; that stack already, or if it resumes a main fiber, whose place is at the bottom.
(func $fiber.resume (export "resume") (param $f i32) (param $value i32) (result i32)
  (local $self i32) (local $call i32) (local $nested i32) (local $limit i32) (local $room i32) (local $result i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (return (call $fiber.arrive))))
  (call $fiber.must_wait (local.get $f))
  (local.set $self (call $fiber.self))
  (i32.store offset=24 (local.get $self) (i32.const 3))
  (i32.store offset=28 (local.get $f) (local.get $self))
  (i32.store offset=32 (local.get $f) (local.get $value))
  (local.set $nested (global.get $fiber.nested))
  (if (i32.or (i32.gt_u (local.get $nested) (i32.const 255)) (i32.eqz (i32.load (local.get $f))))
    (then
      (call $fiber.leave (local.get $f))
      (return (i32.const 0))))
  (i32.store offset=8 (local.get $self) (i32.const 0)) ;; no frames are in its region
  (i32.store offset=16 (local.get $self) (global.get $program.sp))
  (local.set $call (global.get $fiber.call))
  (local.set $limit (global.get $fiber.limit))
  (local.set $room (global.get $fiber.room))
  (global.set $fiber.nested (i32.add (local.get $nested) (i32.const 1)))
  (call $fiber.enter (local.get $f))
  (global.set $fiber.limit (i32.add (local.get $f) (i32.const 128))) ;; as become does
  (global.set $fiber.room (i32.sub (i32.load offset=20 (local.get $f)) (global.get $fiber.limit)))
  (call $hook.guard)
  (global.set $fiber.running (local.get $f))
  (local.set $result (call $fiber.entry (local.get $f)))
  (if (i32.ne (global.get $fiber.call) (local.get $call)) (then (call $fiber.broken_off)))
  (if (global.get $fiber.state)
    (then (call $fiber.unwound (global.get $fiber.running)))
    (else (call $fiber.done (local.get $result))))
  (global.set $program.sp (i32.load offset=16 (local.get $self)))
  (global.set $fiber.nested (local.get $nested))
  (global.set $fiber.limit (local.get $limit))
  (global.set $fiber.room (local.get $room))
  (call $hook.guard)
  (global.set $fiber.running (local.get $self))
  (call $hook.fiber (local.get $self) (i32.const 0))
  (if (i32.ne (global.get $fiber.target) (local.get $self))
    (then
      (call $fiber.leave (global.get $fiber.target))
      (return (i32.const 0))))
  (global.set $fiber.target (i32.const 0))
  (i32.store offset=24 (local.get $self) (i32.const 2))
  (i32.load offset=32 (local.get $self)))

;; yield gives control back to who has resumed this fiber, and returns what the next
;; resumption brings.
(func $fiber.yield (export "yield") (param $value i32) (result i32)
  (local $self i32) (local $to i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (return (call $fiber.arrive))))
  (local.set $self (call $fiber.self))
  (local.set $to (i32.load offset=28 (local.get $self)))
  (if (i32.eqz (call $fiber.is_resuming (local.get $to))) (then (call $fiber.nobody_to_yield_to (local.get $self))))
  (i32.store offset=28 (local.get $self) (i32.const 0))
  (i32.store offset=24 (local.get $self) (i32.const 1))
  (i32.store offset=32 (local.get $to) (local.get $value))
  (call $fiber.leave (local.get $to))
  (i32.const 0))

;; switch suspends this fiber and runs another in its place, which also gets its
;; resumer. It returns what a later switch or resumption brings.
(func $fiber.switch (export "switch") (param $f i32) (param $value i32) (result i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (return (call $fiber.arrive))))
  (call $fiber.must_wait (local.get $f))
  (i32.store offset=28 (local.get $f) (i32.load offset=28 (call $fiber.self)))
  (i32.store offset=28 (global.get $fiber.running) (i32.const 0))
  (i32.store offset=24 (global.get $fiber.running) (i32.const 1))
  (i32.store offset=32 (local.get $f) (local.get $value))
  (call $fiber.leave (local.get $f))
  (i32.const 0))

;; self returns the fiber that runs, and traps if its shadow stack has grown too far: the
;; canary is 77 bytes below what it may use.
(func $fiber.self (result i32)
  (local $f i32)
  (if (i32.eqz (local.tee $f (global.get $fiber.running))) (then (return (call $fiber.current))))
  (if (i32.gt_u (i32.sub (global.get $program.sp) (global.get $fiber.limit)) (global.get $fiber.room))
    (then (call $fiber.overflow (i32.sub (global.get $fiber.limit) (global.get $program.sp)))))
  (if (i32.ne (i32.load offset=48 (local.get $f)) (i32.xor (local.get $f) (i32.const -1)))
    (then (call $fiber.overflow (i32.const 77))))
  (local.get $f))

;; overflow is told how far the shadow stack of the fiber that runs has grown below its end.
(func $fiber.overflow (param $below i32)
  (call $fiber.stack_overflow (global.get $fiber.running) (i32.add (global.get $fiber.room) (local.get $below)) (global.get $fiber.room)))

;; become makes a fiber, or none, the one that runs. Its stack pointer is set already.
(func $fiber.become (param $f i32)
  (global.set $fiber.limit (i32.const 0))
  (global.set $fiber.room (i32.const -1))
  (if (local.get $f)
    (then
      (call $hook.limit (local.get $f))
      (if (i32.load (local.get $f))
        (then
          (global.set $fiber.limit (i32.add (local.get $f) (i32.const 128)))
          (global.set $fiber.room (i32.sub (i32.load offset=20 (local.get $f)) (global.get $fiber.limit)))))))
  (call $hook.guard)
  (call $hook.fiber (local.get $f) (i32.const 0))
  (global.set $fiber.running (local.get $f)))

;; leave starts the unwind that leads to another fiber. It sets the state itself, as
;; enter and arrive do: switches are to be fast, and engines do not inline.
(func $fiber.leave (param $to i32)
  (local $from i32)
  (if (i32.eqz (global.get $fiber.call)) (then (call $fiber.no_main_fiber)))
  (local.set $from (global.get $fiber.running))
  (i32.store offset=8 (local.get $from) (i32.add (local.get $from) (i32.const 128)))
  (i32.store offset=12 (local.get $from)
    (select
      (global.get $program.sp) ;; the shadow stack is in the region, too
      (i32.load offset=20 (local.get $from)) ;; but not that of a main fiber
      (global.get $fiber.limit)))
  (i32.store offset=16 (local.get $from) (global.get $program.sp))
  (global.set $fiber.target (local.get $to))
  (global.set $fiber.data (i32.add (local.get $from) (i32.const 8)))
  (call $hook.state (i32.const 1))
  (global.set $fiber.state (i32.const 1)))

;; unwound ends the unwind of a fiber; a host that has suspended it has its frames.
(func $fiber.unwound (param $f i32)
  (if (i32.eqz (global.get $fiber.target))
    (then
      (call $fiber.note_host)
      (call $fiber.stop_unwind)
      (return)))
  (if (i32.gt_u (i32.load offset=8 (local.get $f)) (i32.load offset=12 (local.get $f))) (then (call $fiber.buffer_overflow (local.get $f) (i32.const 128))))
  (call $hook.note_use (local.get $f))
  (call $hook.state (i32.const 0))
  (global.set $fiber.state (i32.const 0)))

;; arrive ends the rewind that leave and go have led to.
(func $fiber.arrive (result i32)
  (call $hook.state (i32.const 0))
  (global.set $fiber.state (i32.const 0))
  (i32.load offset=32 (global.get $fiber.running)))

;; begin is called before an exported function, which is the main fiber then, and returns
;; the number of the call. If another fiber runs afterwards, since a host resumes it, the
;; function must not be called.
(func $fiber.begin (result i32)
  (local $f i32)
  (call $fiber.check_call)
  (global.set $fiber.calls (i32.add (global.get $fiber.calls) (i32.const 1)))
  (global.set $fiber.call (global.get $fiber.calls))
  (global.set $fiber.nested (i32.const 0))
  (if (call $hook.entered) (then (return (global.get $fiber.call))))
  (call $fiber.become (i32.const 0))
  (if (i32.ne (global.get $fiber.state) (i32.const 2)) (then (return (global.get $fiber.call))))
  (local.set $f (global.get $fiber.all))
  (block $none
    (loop $search
      (br_if $none (i32.eqz (local.get $f)))
      (if (i32.ne (i32.load offset=56 (local.get $f)) (global.get $fiber.data))
        (then
          (local.set $f (i32.load offset=40 (local.get $f)))
          (br $search))))
    (i32.store offset=56 (local.get $f) (i32.const 0))
    (global.set $fiber.call (i32.load offset=32 (local.get $f)))
    (if (i32.load (local.get $f)) (then (global.set $program.sp (i32.load offset=16 (local.get $f)))))
    (call $fiber.become (local.get $f)))
  (global.get $fiber.call))

;; check_call traps if a switch or a rewind was cut short by a trap: what is left of it
;; must not be taken for that of this call.
(func $fiber.check_call
  (if (i32.and (i32.eq (global.get $fiber.state) (i32.const 1)) (i32.ne (global.get $fiber.target) (i32.const 0))) (then (call $fiber.broken)))
  (if (i32.ne (global.get $fiber.state) (i32.const 2)) (then (global.set $fiber.taken (i32.const 0)) (return)))
  (if (i32.eq (global.get $fiber.taken) (global.get $fiber.data)) (then (call $fiber.broken)))
  (global.set $fiber.taken (global.get $fiber.data)))

;; return is called when an exported function returns to its caller, with what ran and
;; was under way before.
(func $fiber.return (param $outer i32) (param $call i32)
  (global.set $fiber.taken (i32.const 0))
  (global.set $fiber.call (local.get $call))
  (call $fiber.become (local.get $outer)))

;; turn is called behind an exported function. It runs one fiber after the other
;; until it is the main fiber's turn: then it returns 1, and the function is to be
;; called again. It returns 0 when the function has returned or a host has suspended
;; it. If the call under way is another than its own, that has trapped, and a host has
;; gone on as if nothing had happened.
(func $fiber.turn (param $call i32) (result i32)
  (local $f i32) (local $result i32)
  (if (i32.ne (global.get $fiber.call) (local.get $call)) (then (call $fiber.broken_off)))
  (if (i32.eqz (global.get $fiber.state)) (then (call $fiber.end) (return (i32.const 0))))
  (local.set $f (global.get $fiber.running))
  (loop $next (result i32)
    (if (i32.eq (global.get $fiber.state) (i32.const 1))
      (then
        (if (i32.eqz (global.get $fiber.target)) (then (call $fiber.note_host) (return (i32.const 0))))
        (call $fiber.unwound (local.get $f))
        (if (call $hook.main (global.get $fiber.target)) (then (return (i32.const 0))))
        (if (call $fiber.go (local.tee $f (global.get $fiber.target))) (then (return (i32.const 1))))))
    (local.set $result (call $fiber.entry (local.get $f)))
    (if (i32.ne (global.get $fiber.call) (local.get $call)) (then (call $fiber.broken_off)))
    (br_if $next (i32.eq (global.get $fiber.state) (i32.const 1)))
    (call $fiber.done (local.get $result))
    (if (call $hook.main (global.get $fiber.target)) (then (return (i32.const 0))))
    (if (call $fiber.go (local.tee $f (global.get $fiber.target))) (then (return (i32.const 1))))
    (br $next)))

;; go makes a fiber the one that runs. It returns 1 for a main fiber, which has to be that
;; of the call under way: the others have their frames below it.
(func $fiber.go (param $f i32) (result i32)
  (call $hook.see (local.get $f))
  (call $hook.look_now)
  (call $fiber.enter (local.get $f))
  (call $fiber.become (local.get $f))
  (i32.eqz (i32.load (local.get $f))))

;; enter starts the rewind of a fiber that has run before.
(func $fiber.enter (param $f i32)
  (call $hook.fiber (local.get $f) (i32.eqz (i32.load offset=8 (local.get $f))))
  (i32.store offset=24 (local.get $f) (i32.const 2))
  (global.set $fiber.target (i32.const 0))
  (global.set $program.sp (i32.load offset=16 (local.get $f)))
  (if (i32.load offset=8 (local.get $f))
    (then
      (global.set $fiber.data (i32.add (local.get $f) (i32.const 8)))
      (global.set $fiber.taken (global.get $fiber.data))
      (call $hook.state (i32.const 2))
      (global.set $fiber.state (i32.const 2)))
    (else (i32.store offset=4 (local.get $f) (i32.load offset=32 (local.get $f))))))

;; entry calls the entry of a fiber, to begin it or to rewind it.
(func $fiber.entry (param $f i32) (result i32)
  (call_indirect (param i32) (result i32) (i32.load offset=4 (local.get $f)) (i32.load (local.get $f))))

;; done is called when the entry of a fiber has returned: its resumer gets the result.
;; If it has none, one that waits for the result becomes ready, and the next fiber that
;; is ready runs.
(func $fiber.done (param $result i32)
  (local $f i32) (local $to i32) (local $joiner i32)
  (local.set $f (call $fiber.self))
  (call $hook.cleanup (local.get $f))
  (call $hook.fiber (local.get $f) (i32.const 2))
  (i32.store offset=24 (local.get $f) (i32.const 4))
  (i32.store offset=32 (local.get $f) (local.get $result))
  (local.set $to (i32.load offset=28 (local.get $f)))
  (if (call $fiber.is_resuming (local.get $to))
    (then
      (i32.store offset=28 (local.get $f) (i32.const 0))
      (i32.store offset=32 (local.get $to) (local.get $result)))
    (else
      (local.set $joiner (i32.load offset=60 (local.get $f)))
      (if (i32.eq (local.get $joiner) (i32.const -1))
        (then (call $fiber.give (local.get $f)))
        (else (if (local.get $joiner) (then (call $fiber.wake (local.get $joiner) (local.get $result))))))
      (local.set $to (call $fiber.next))))
  (global.set $fiber.target (local.get $to)))

;; note_host notes which fiber runs when a host suspends it; the host gets the stack of
;; the main fiber. A fiber whose frames are in its own region was not suspended by it.
(func $fiber.note_host
  (local $f i32)
  (if (i32.eqz (local.tee $f (global.get $fiber.running))) (then (return)))
  (if (i32.ne (global.get $fiber.data) (i32.add (local.get $f) (i32.const 8)))
    (then
      (i32.store offset=56 (local.get $f) (global.get $fiber.data))
      (i32.store offset=32 (local.get $f) (global.get $fiber.call))
      (if (global.get $fiber.limit) (then (i32.store offset=16 (local.get $f) (global.get $program.sp))))))
  (if (global.get $fiber.limit)
    (then (if (i32.ne (call $fiber.main_sp) (i32.const -1)) (then (global.set $program.sp (call $fiber.main_sp)))))))

;; main_sp returns how far down the program's own stack is in use: it is where the main
;; fiber is that was suspended last; -1: there is none.
(func $fiber.main_sp (result i32)
  (local $f i32) (local $sp i32)
  (local.set $sp (i32.const -1))
  (local.set $f (global.get $fiber.all))
  (loop $next
    (if (local.get $f)
      (then
        (if (i32.eqz (call $fiber.has_stack_here (local.get $f)))
          (then
            (if (i32.lt_u (i32.load offset=16 (local.get $f)) (local.get $sp))
              (then (local.set $sp (i32.load offset=16 (local.get $f)))))))
        (local.set $f (i32.load offset=40 (local.get $f)))
        (br $next))))
  (local.get $sp))

;; end gives the region of a main fiber back, when its function has returned.
(func $fiber.end
  (if (call $hook.ended) (then (return)))
  (if (global.get $fiber.running) (then (call $fiber.give (global.get $fiber.running)))))

;; must_be traps if there is no fiber of that address.
(func $fiber.must_be (param $f i32)
  (if (i32.gt_u (local.get $f) (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 128))) (then (call $fiber.no_fiber (local.get $f))))
  (if (i32.eqz (call $fiber.is_whole (local.get $f))) (then (call $fiber.no_fiber (local.get $f)))))

;; is_whole reports whether a fiber has its canary.
(func $fiber.is_whole (param $f i32) (result i32)
  (i32.eq (i32.load offset=48 (local.get $f)) (i32.xor (local.get $f) (i32.const -1))))

;; must_wait traps if a fiber cannot be resumed. A main fiber can in its own call only:
;; elsewhere its frames would lie below those that it has to have above it.
(func $fiber.must_wait (param $f i32)
  (if (i32.gt_u (local.get $f) (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 128))) (then (call $fiber.no_fiber (local.get $f))))
  (if (i32.ne (i32.load offset=48 (local.get $f)) (i32.xor (local.get $f) (i32.const -1))) (then (call $fiber.no_fiber (local.get $f))))
  (if (i32.gt_u (i32.load offset=24 (local.get $f)) (i32.const 1)) (then (call $fiber.cannot_resume (local.get $f))))
  (if (i32.eqz (i32.load (local.get $f)))
    (then (if (i32.eqz (call $fiber.is_here (local.get $f))) (then (call $fiber.other_call (local.get $f)))))))

;; is_here reports whether a fiber can run in the call that is under way. A call that the
;; host drives can be gone on with in any other one: the host sees to that.
(func $fiber.is_here (param $f i32) (result i32)
  (if (i32.load (local.get $f)) (then (return (i32.const 1))))
  (i32.or (i32.eq (i32.load offset=60 (local.get $f)) (global.get $fiber.call)) (i32.eq (i32.load offset=60 (local.get $f)) (i32.const -1))))

;; is_main reports whether a main fiber runs.
(func $fiber.is_main (result i32)
  (if (i32.eqz (global.get $fiber.running)) (then (return (i32.const 1))))
  (i32.eqz (i32.load (global.get $fiber.running))))

;; has_stack_here reports whether a fiber has its shadow stack in its region: main fibers
;; do not, but for those of calls that the host drives.
(func $fiber.has_stack_here (param $f i32) (result i32)
  (if (i32.load (local.get $f)) (then (return (i32.const 1))))
  (i32.eq (i32.load offset=60 (local.get $f)) (i32.const -1)))

;; is_resuming reports whether there is such a fiber and it has resumed another.
(func $fiber.is_resuming (param $f i32) (result i32)
  (if (i32.eqz (local.get $f)) (then (return (i32.const 0))))
  (i32.and
    (i32.eq (i32.load offset=48 (local.get $f)) (i32.xor (local.get $f) (i32.const -1)))
    (i32.eq (i32.load offset=24 (local.get $f)) (i32.const 3))))

;; is_idle reports whether a fiber is new, suspended or done.
(func $fiber.is_idle (param $f i32) (result i32)
  (i32.or (i32.lt_u (i32.load offset=24 (local.get $f)) (i32.const 2)) (i32.eq (i32.load offset=24 (local.get $f)) (i32.const 4))))

;; take returns a region, from the pool if there is one of the size; 0 if there is no
;; memory.
(func $fiber.take (param $size i32) (result i32)
  (local $f i32) (local $before i32)
  (local.set $f (global.get $fiber.pool))
  (block $found
    (loop $search
      (if (local.get $f)
        (then
          (br_if $found (i32.eq (i32.sub (i32.load offset=20 (local.get $f)) (local.get $f)) (local.get $size)))
          (local.set $before (local.get $f))
          (local.set $f (i32.load offset=36 (local.get $f)))
          (br $search))))
    (local.set $f (call $program.malloc (local.get $size)))
    (if (i32.eqz (local.get $f)) (then (return (i32.const 0))))
    (call $fiber.reset (local.get $f) (local.get $size))
    (return (local.get $f)))
  (if (local.get $before)
    (then (i32.store offset=36 (local.get $before) (i32.load offset=36 (local.get $f))))
    (else (global.set $fiber.pool (i32.load offset=36 (local.get $f)))))
  (call $fiber.reset (local.get $f) (local.get $size))
  (local.get $f))

;; reset makes a region that of a new fiber, in the list of all.
(func $fiber.reset (param $f i32) (param $size i32)
  (i64.store (local.get $f) (i64.const 0))
  (i64.store offset=8 (local.get $f) (i64.const 0))
  (i64.store offset=24 (local.get $f) (i64.const 0))
  (i64.store offset=44 (local.get $f) (i64.const 0))
  (i64.store offset=52 (local.get $f) (i64.const 0))
  (i32.store offset=60 (local.get $f) (i32.const 0))
  (i64.store offset=104 (local.get $f) (i64.const 0))
  (i64.store offset=112 (local.get $f) (i64.const 0))
  (i64.store offset=120 (local.get $f) (i64.const 0))
  (i32.store offset=20 (local.get $f) (i32.add (local.get $f) (local.get $size)))
  (i32.store offset=16 (local.get $f) (i32.and (i32.add (local.get $f) (local.get $size)) (i32.const -16)))
  (i32.store offset=48 (local.get $f) (i32.xor (local.get $f) (i32.const -1)))
  (i32.store offset=40 (local.get $f) (global.get $fiber.all))
  (if (global.get $fiber.all) (then (i32.store offset=44 (global.get $fiber.all) (local.get $f))))
  (global.set $fiber.all (local.get $f)))

;; give puts a region into the pool.
(func $fiber.give (param $f i32)
  (if (i32.load offset=44 (local.get $f))
    (then (i32.store offset=40 (i32.load offset=44 (local.get $f)) (i32.load offset=40 (local.get $f))))
    (else (global.set $fiber.all (i32.load offset=40 (local.get $f)))))
  (if (i32.load offset=40 (local.get $f)) (then (i32.store offset=44 (i32.load offset=40 (local.get $f)) (i32.load offset=44 (local.get $f)))))
  (i32.store offset=48 (local.get $f) (i32.const 0))
  (i32.store offset=36 (local.get $f) (global.get $fiber.pool))
  (global.set $fiber.pool (local.get $f)))

;; What went wrong is the name of the function that traps.
(func $fiber.out_of_memory (param $needed i32)
  (call $fiber.blame (global.get $fiber.running) (local.get $needed) (i32.const 0))
  (unreachable))

(func $fiber.stack_overflow (param $f i32) (param $needed i32) (param $available i32)
  (call $fiber.blame (local.get $f) (local.get $needed) (local.get $available))
  (call $hook.break)
  (unreachable))

(func $fiber.buffer_overflow (param $f i32) (param $header i32)
  (call $fiber.blame (local.get $f)
    (i32.sub (i32.load offset=8 (local.get $f)) (i32.add (local.get $f) (local.get $header)))
    (i32.sub (i32.load offset=12 (local.get $f)) (i32.add (local.get $f) (local.get $header))))
  (call $fiber.break)
  (unreachable))

(func $fiber.no_fiber (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
(func $fiber.cannot_resume (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
(func $fiber.cannot_free (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
(func $fiber.nobody_to_yield_to (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
(func $fiber.other_call (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
(func $fiber.broken (unreachable))
(func $fiber.broken_off (unreachable))
(func $fiber.no_main_fiber (unreachable))

;; break leaves a state that says that the module cannot be called: frames are missing, or
;; its stack pointer is wrong.
(func $fiber.break
  (global.set $fiber.state (i32.const 1))
  (global.set $fiber.target (i32.const -1)))

;; blame leaves what a fault is about where the host finds it.
(func $fiber.blame (param $f i32) (param $needed i32) (param $available i32)
  (global.set $fiber.culprit (local.get $f))
  (global.set $fiber.needed (local.get $needed))
  (global.set $fiber.available (local.get $available)))
