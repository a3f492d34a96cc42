;; Input and output on WASI preview 1: what a program gets in place of its imports, so that a
;; fiber waits where the program would. Whoever is woken tries, and waits again if it was told
;; in vain that a descriptor is ready.
;;
;; A byte says of a descriptor how it waits; redirected calls keep it true:
;;
;;    0  not known
;;    1  never: a file, or one that the host cannot watch
;;    2  a call would stop the program: it is made when the host says that it would not
;;    3  a call fails with EAGAIN, though the program has not asked for that
;;    4  a call fails with EAGAIN, as the program wants it
;;   +16 a fiber was told to read, and has not done so yet

(global $fiber.descriptors (mut i32) (i32.const 0)) ;; the bytes about descriptors, and
(global $fiber.descriptor_room (mut i32) (i32.const 0)) ;; how many there are
(global $fiber.told (mut i32) (i32.const 0)) ;; 1: the fiber that runs was told that a descriptor is ready
(global $fiber.in_vain (mut i32) (i32.const 0)) ;; 1: one was told so in vain
(global $fiber.progress (mut i32) (i32.const 0)) ;; 1: one was told so and it was true

;; wait_fd waits until a descriptor is ready for one of events, 1 to read and 2 to write, but
;; for no longer than some nanoseconds if they are not negative. It returns the events, 0 if
;; the time is over, -8 if there is no such descriptor, -11 if the fiber was cancelled.
(func $fiber.wait_fd (export "wait_fd") (param $fd i32) (param $events i32) (param $nanoseconds i64) (result i32)
  (local $f i32) (local $value i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2))
    (then
      (local.set $value (call $fiber.arrive))
      (if (i32.lt_s (local.get $value) (i32.const 0)) (then (return (i32.const -11))))
      (return (i32.load offset=76 (global.get $fiber.running)))))
  (local.set $f (call $fiber.self))
  (local.set $events (i32.and (local.get $events) (i32.const 3)))
  (if (call $program.fd_fdstat_get (local.get $fd) (i32.add (call $fiber.talk) (i32.const 96))) (then (return (i32.const -8))))
  (if (call $fiber.is_file) (then (return (local.get $events))))
  (call $fiber.watch_for (local.get $f) (local.get $fd) (local.get $events))
  (i64.store offset=96 (local.get $f) (call $fiber.due (local.get $nanoseconds)))
  (if (i64.eqz (local.get $nanoseconds))
    (then
      (call $fiber.ask_for (local.get $f))
      (return (i32.load offset=76 (local.get $f)))))
  (call $fiber.watch (local.get $f))
  (i32.const 0))

;; ---- what a program gets in place of its imports ----

;; wasi_fd_read reads as soon as there is something to read.
(func $fiber.wasi_fd_read (export "wasi_fd_read") (param $fd i32) (param $iovs i32) (param $n i32) (param $read i32) (result i32)
  (local $result i32)
  (if (i32.ge_s (local.tee $result (call $fiber.before (local.get $fd))) (i32.const 0)) (then (return (local.get $result))))
  (call $fiber.after (local.get $fd) (call $program.fd_read (local.get $fd) (local.get $iovs) (local.get $n) (local.get $read))))

;; wasi_sock_recv does so with a socket.
(func $fiber.wasi_sock_recv (export "wasi_sock_recv") (param $fd i32) (param $iovs i32) (param $n i32) (param $flags i32) (param $read i32) (param $out_flags i32) (result i32)
  (local $result i32)
  (if (i32.ge_s (local.tee $result (call $fiber.before (local.get $fd))) (i32.const 0)) (then (return (local.get $result))))
  (call $fiber.after (local.get $fd)
    (call $program.sock_recv (local.get $fd) (local.get $iovs) (local.get $n) (local.get $flags) (local.get $read) (local.get $out_flags))))

;; wasi_sock_accept accepts a connection as soon as there is one.
(func $fiber.wasi_sock_accept (export "wasi_sock_accept") (param $fd i32) (param $flags i32) (param $accepted i32) (result i32)
  (local $result i32)
  (if (i32.ge_s (local.tee $result (call $fiber.before (local.get $fd))) (i32.const 0)) (then (return (local.get $result))))
  (local.set $result (call $fiber.after (local.get $fd) (call $program.sock_accept (local.get $fd) (local.get $flags) (local.get $accepted))))
  (if (i32.eqz (i32.or (local.get $result) (global.get $fiber.state)))
    (then (call $fiber.note (i32.load (local.get $accepted)) (i32.and (local.get $flags) (i32.const 4)))))
  (local.get $result))

;; wasi_fd_write writes everything, as soon as there is room. Only sockets wait: a printf
;; that lets others run in its middle would be theirs to spoil.
(func $fiber.wasi_fd_write (export "wasi_fd_write") (param $fd i32) (param $iovs i32) (param $n i32) (param $written i32) (result i32)
  (if (i32.and (i32.ne (global.get $fiber.state) (i32.const 2)) (i32.ne (call $fiber.kind (local.get $fd)) (i32.const 3)))
    (then (return (call $program.fd_write (local.get $fd) (local.get $iovs) (local.get $n) (local.get $written)))))
  (call $fiber.write_all (local.get $fd) (local.get $iovs) (local.get $n) (local.get $written)))

;; wasi_sock_send does so with a socket. There are no flags that a host could know.
(func $fiber.wasi_sock_send (export "wasi_sock_send") (param $fd i32) (param $iovs i32) (param $n i32) (param $flags i32) (param $written i32) (result i32)
  (if (i32.and (i32.ne (global.get $fiber.state) (i32.const 2)) (i32.or (i32.ne (call $fiber.kind (local.get $fd)) (i32.const 3)) (local.get $flags)))
    (then (return (call $program.sock_send (local.get $fd) (local.get $iovs) (local.get $n) (local.get $flags) (local.get $written)))))
  (call $fiber.write_all (local.get $fd) (local.get $iovs) (local.get $n) (local.get $written)))

;; wasi_poll_oneoff waits for descriptors and clocks. Who only looks, with a time of zero, lets
;; others run, too: a program may look until it sees what one of them does.
(func $fiber.wasi_poll_oneoff (export "wasi_poll_oneoff") (param $in i32) (param $out i32) (param $n i32) (param $events i32) (result i32)
  (local $f i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (return (call $fiber.poll_end (call $fiber.arrive) (local.get $events)))))
  (if (i32.eqz (local.get $n)) (then (return (call $program.poll_oneoff (local.get $in) (local.get $out) (local.get $n) (local.get $events)))))
  (local.set $f (call $fiber.self))
  (i32.store offset=64 (local.get $f) (local.get $in))
  (i32.store offset=68 (local.get $f) (local.get $n))
  (i32.store offset=72 (local.get $f) (local.get $out))
  (i32.store offset=76 (local.get $f) (i32.const 0))
  (i32.store offset=92 (local.get $f) (i32.const 0))
  (call $fiber.read_subscriptions (local.get $f))
  (if (i32.eqz (i32.load offset=76 (local.get $f)))
    (then
      (if (i32.load offset=92 (local.get $f))
        (then
          (if (i64.le_s (i64.load offset=96 (local.get $f)) (call $fiber.now)) (then (drop (call $fiber.ask_for (local.get $f)))))))))
  (if (i32.load offset=76 (local.get $f)) (then (return (call $fiber.poll_end (i32.const 1) (local.get $events)))))
  (call $fiber.watch (local.get $f))
  (i32.const 0))

;; wasi_fd_fdstat_get does not show what the library has done to a descriptor.
(func $fiber.wasi_fd_fdstat_get (export "wasi_fd_fdstat_get") (param $fd i32) (param $stat i32) (result i32)
  (local $errno i32)
  (local.set $errno (call $program.fd_fdstat_get (local.get $fd) (local.get $stat)))
  (if (i32.and (i32.eqz (local.get $errno)) (i32.eq (call $fiber.noted (local.get $fd)) (i32.const 3)))
    (then (i32.store16 offset=2 (local.get $stat) (i32.and (i32.load16_u offset=2 (local.get $stat)) (i32.const -5)))))
  (local.get $errno))

;; wasi_fd_fdstat_set_flags notes whether the program wants EAGAIN.
(func $fiber.wasi_fd_fdstat_set_flags (export "wasi_fd_fdstat_set_flags") (param $fd i32) (param $flags i32) (result i32)
  (local $errno i32)
  (local.set $errno (call $program.fd_fdstat_set_flags (local.get $fd) (local.get $flags)))
  (if (i32.eqz (local.get $errno)) (then (call $fiber.note (local.get $fd) (i32.and (local.get $flags) (i32.const 4)))))
  (local.get $errno))

;; wasi_fd_close forgets the descriptor.
(func $fiber.wasi_fd_close (export "wasi_fd_close") (param $fd i32) (result i32)
  (call $fiber.note (local.get $fd) (i32.const 0))
  (call $program.fd_close (local.get $fd)))

(func $fiber.wasi_fd_renumber (export "wasi_fd_renumber") (param $from i32) (param $to i32) (result i32)
  (local $errno i32)
  (local.set $errno (call $program.fd_renumber (local.get $from) (local.get $to)))
  (if (i32.eqz (local.get $errno))
    (then
      (call $fiber.note (local.get $to) (call $fiber.noted (local.get $from)))
      (call $fiber.note (local.get $from) (i32.const 0))))
  (local.get $errno))

;; wasi_sched_yield lets the other fibers run.
(func $fiber.wasi_sched_yield (export "wasi_sched_yield") (result i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (return (call $fiber.arrive))))
  (call $fiber.pass)
  (i32.const 0))

;; ---- to poll ----

;; read_subscriptions finds out of what a fiber subscribes to: when its wait ends, how many
;; descriptors it has to wait for, and the events of those that need not wait.
(func $fiber.read_subscriptions (param $f i32)
  (local $at i32) (local $i i32) (local $kind i32) (local $due i64)
  (i64.store offset=96 (local.get $f) (i64.const 0x7fffffffffffffff))
  (local.set $at (i32.load offset=64 (local.get $f)))
  (loop $next
    (if (i32.eqz (i32.load8_u offset=8 (local.get $at)))
      (then
        (local.set $due (call $fiber.due_of (local.get $at)))
        (if (i64.lt_s (local.get $due) (i64.load offset=96 (local.get $f)))
          (then
            (i64.store offset=96 (local.get $f) (local.get $due))
            (i32.store offset=88 (local.get $f) (local.get $i)))))
      (else
        (local.set $kind (call $fiber.kind (i32.load offset=16 (local.get $at))))
        (if (i32.gt_u (local.get $kind) (i32.const 1))
          (then (i32.store offset=92 (local.get $f) (i32.add (i32.load offset=92 (local.get $f)) (i32.const 1))))
          (else
            (call $fiber.report (local.get $f) (i64.load (local.get $at)) ;; ready, or EBADF
              (i64.or (i64.shl (i64.load8_u offset=8 (local.get $at)) (i64.const 16)) (select (i64.const 0) (i64.const 8) (local.get $kind)))
              (i64.const 1) (i64.const 0))))))
    (local.set $at (i32.add (local.get $at) (i32.const 48)))
    (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.load offset=68 (local.get $f))))))

;; due_of returns the time at which a subscription to a clock is over, by the monotonic clock.
(func $fiber.due_of (param $at i32) (result i64)
  (local $time i64)
  (local.set $time (i64.load offset=24 (local.get $at)))
  (if (i32.eqz (i32.and (i32.load16_u offset=40 (local.get $at)) (i32.const 1))) (then (return (call $fiber.due (local.get $time))))) ;; else it is absolute, by its own clock
  (if (i32.eq (i32.load offset=16 (local.get $at)) (i32.const 1)) (then (return (select (local.get $time) (i64.const 0x7fffffffffffffff) (i64.ge_s (local.get $time) (i64.const 0))))))
  (drop (call $program.clock_time_get (i32.load offset=16 (local.get $at)) (i64.const 1) (i32.add (call $fiber.talk) (i32.const 88))))
  (local.set $time (i64.sub (local.get $time) (i64.load offset=88 (global.get $fiber.scratch))))
  (call $fiber.due (select (local.get $time) (i64.const 0) (i64.gt_s (local.get $time) (i64.const 0)))))

;; report adds an event to those of a fiber: the user's word, error and type, bytes, flags. A host that
;; does not support to wait until something can be written has it written at once.
(func $fiber.report (param $f i32) (param $user i64) (param $what i64) (param $bytes i64) (param $flags i64)
  (local $at i32)
  (local.set $at (i32.add (i32.load offset=72 (local.get $f)) (i32.mul (i32.load offset=76 (local.get $f)) (i32.const 32))))
  (if (i64.eq (i64.and (local.get $what) (i64.const 0xffff)) (i64.const 58)) ;; ENOTSUP
    (then (local.set $what (i64.xor (local.get $what) (i64.const 58)))))
  (i64.store (local.get $at) (local.get $user))
  (i64.store offset=8 (local.get $at) (local.get $what))
  (i64.store offset=16 (local.get $at) (local.get $bytes))
  (i64.store offset=24 (local.get $at) (local.get $flags))
  (i32.store offset=76 (local.get $f) (i32.add (i32.load offset=76 (local.get $f)) (i32.const 1))))

;; poll_end ends a poll with what its wait has returned: if nothing has happened, the time is
;; over, and that is an event, too.
(func $fiber.poll_end (param $value i32) (param $events i32) (result i32)
  (local $f i32)
  (local.set $f (global.get $fiber.running))
  (if (i32.lt_s (local.get $value) (i32.const 0)) (then (return (i32.const 11)))) ;; ECANCELED
  (if (i32.gt_s (local.get $value) (i32.const 1)) (then (return (i32.sub (local.get $value) (i32.const 1)))))
  (if (i32.eqz (i32.load offset=76 (local.get $f)))
    (then
      (call $fiber.report (local.get $f)
        (i64.load (i32.add (i32.load offset=64 (local.get $f)) (i32.mul (i32.load offset=88 (local.get $f)) (i32.const 48))))
        (i64.const 0) (i64.const 0) (i64.const 0))))
  (i32.store (local.get $events) (i32.load offset=76 (local.get $f)))
  (i32.const 0))

;; ---- to read and to write ----

;; before is called before something is read. It returns -1 if that can be tried; else
;; the caller returns what it returns, because the fiber leaves, or was cancelled.
(func $fiber.before (param $fd i32) (result i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2))
    (then
      (global.set $fiber.told (i32.const 1))
      (return (select (i32.const 11) (i32.const -1) (i32.lt_s (call $fiber.arrive) (i32.const 0))))))
  (global.set $fiber.told (i32.const 0))
  (drop (call $fiber.self))
  (if (i32.ne (call $fiber.kind (local.get $fd)) (i32.const 2)) (then (return (i32.const -1))))
  (call $fiber.watch_one (local.get $fd) (i32.const 5))
  (i32.const 0))

;; after is called with what came of it. If there was nothing to read, the fiber waits.
(func $fiber.after (param $fd i32) (param $errno i32) (result i32)
  (local $kind i32)
  (call $fiber.kept (local.get $fd))
  (if (i32.eq (local.get $errno) (i32.const 6)) ;; EAGAIN
    (then
      (local.set $kind (call $fiber.kind (local.get $fd)))
      (if (i32.or (i32.eq (local.get $kind) (i32.const 2)) (i32.eq (local.get $kind) (i32.const 3)))
        (then
          (if (global.get $fiber.told) (then (global.set $fiber.in_vain (i32.const 1))))
          (call $fiber.watch_one (local.get $fd) (i32.const 5))
          (return (i32.const 0))))))
  (if (global.get $fiber.told) (then (global.set $fiber.progress (i32.const 1))))
  (local.get $errno))

;; write_all writes piece by piece, until all is written or there is no room: then the
;; fiber waits, and the call is made again. How far it has got is in the region. An error,
;; or a cancellation, behind the first piece is for the next call to find.
(func $fiber.write_all (param $fd i32) (param $iovs i32) (param $n i32) (param $written i32) (result i32)
  (local $f i32) (local $s i32) (local $errno i32)
  (local.set $s (call $fiber.talk))
  (global.set $fiber.told (i32.eq (global.get $fiber.state) (i32.const 2)))
  (if (global.get $fiber.told)
    (then (if (i32.lt_s (call $fiber.arrive) (i32.const 0)) (then (local.set $errno (i32.const 11)))))
    (else (i32.store offset=88 (call $fiber.self) (i32.const 0))))
  (local.set $f (global.get $fiber.running))
  (block $end
    (loop $next
      (br_if $end (local.get $errno))
      (br_if $end (i32.eqz (call $fiber.piece (local.get $iovs) (local.get $n) (i32.load offset=88 (local.get $f)))))
      (local.set $errno (call $program.fd_write (local.get $fd) (i32.add (local.get $s) (i32.const 120)) (i32.const 1) (i32.add (local.get $s) (i32.const 128))))
      (if (i32.eq (local.get $errno) (i32.const 6))
        (then
          (if (global.get $fiber.told) (then (global.set $fiber.in_vain (i32.const 1))))
          (call $fiber.watch_one (local.get $fd) (i32.const 2))
          (return (i32.const 0))))
      (if (global.get $fiber.told) (then (global.set $fiber.progress (i32.const 1)) (global.set $fiber.told (i32.const 0))))
      (br_if $end (local.get $errno))
      (i32.store offset=88 (local.get $f) (i32.add (i32.load offset=88 (local.get $f)) (i32.load offset=128 (local.get $s))))
      (br_if $next (i32.load offset=128 (local.get $s)))))
  (i32.store (local.get $written) (i32.load offset=88 (local.get $f)))
  (select (i32.const 0) (local.get $errno) (i32.load offset=88 (local.get $f))))

;; piece notes where the rest begins when so many bytes of n pieces are done, up to the end of
;; a piece, and returns 0 if there is no rest.
(func $fiber.piece (param $iovs i32) (param $n i32) (param $done i32) (result i32)
  (loop $next
    (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
    (if (i32.ge_u (local.get $done) (i32.load offset=4 (local.get $iovs)))
      (then
        (local.set $done (i32.sub (local.get $done) (i32.load offset=4 (local.get $iovs))))
        (local.set $iovs (i32.add (local.get $iovs) (i32.const 8)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next))))
  (i32.store offset=120 (global.get $fiber.scratch) (i32.add (i32.load (local.get $iovs)) (local.get $done)))
  (i32.store offset=124 (global.get $fiber.scratch) (i32.sub (i32.load offset=4 (local.get $iovs)) (local.get $done)))
  (i32.const 1))

;; ---- what is known of descriptors ----

;; kind returns how a descriptor waits, 0 if there is none of that number. A socket is made to
;; fail with EAGAIN. Standard input and its like are not: other programs may have them, too.
(func $fiber.kind (param $fd i32) (result i32)
  (local $kind i32)
  (if (local.tee $kind (call $fiber.noted (local.get $fd))) (then (return (local.get $kind))))
  (if (call $program.fd_fdstat_get (local.get $fd) (i32.add (call $fiber.talk) (i32.const 96))) (then (return (i32.const 0))))
  (local.set $kind (call $fiber.kind_of (local.get $fd)))
  (call $fiber.note (local.get $fd) (local.get $kind))
  (local.get $kind))

;; kind_of says so of a descriptor that the host has just described.
(func $fiber.kind_of (param $fd i32) (result i32)
  (local $flags i32)
  (if (call $fiber.is_file) (then (return (i32.const 1))))
  (local.set $flags (i32.load16_u offset=98 (global.get $fiber.scratch)))
  (if (i32.and (local.get $flags) (i32.const 4)) (then (return (i32.const 3))))
  (if (i32.and (i32.gt_u (local.get $fd) (i32.const 2)) (call $fiber.is_socket))
    (then
      (if (i32.eqz (call $program.fd_fdstat_set_flags (local.get $fd) (i32.or (local.get $flags) (i32.const 4))))
        (then (return (i32.const 3))))))
  (select (i32.const 1) (i32.const 2) (call $fiber.cannot_watch (local.get $fd))))

;; is_file reports whether the host has described a folder, a file or a link.
(func $fiber.is_file (result i32)
  (i32.and (i32.shr_u (i32.const 0x98) (i32.load8_u offset=96 (global.get $fiber.scratch))) (i32.const 1)))

(func $fiber.is_socket (result i32)
  (i32.eq (i32.and (i32.sub (i32.load8_u offset=96 (global.get $fiber.scratch)) (i32.const 5)) (i32.const -2)) (i32.const 0)))

;; noted returns what is known of a descriptor.
(func $fiber.noted (param $fd i32) (result i32)
  (if (i32.ge_u (local.get $fd) (global.get $fiber.descriptor_room)) (then (return (i32.const 0))))
  (i32.and (i32.load8_u (i32.add (global.get $fiber.descriptors) (local.get $fd))) (i32.const 15)))

;; note keeps what is known of a descriptor. Of those with large numbers nothing is kept: they
;; are looked at each time.
(func $fiber.note (param $fd i32) (param $kind i32)
  (if (i32.ge_u (local.get $fd) (global.get $fiber.descriptor_room))
    (then
      (if (i32.or (i32.eqz (local.get $kind)) (i32.ge_u (local.get $fd) (i32.const 65536))) (then (return)))
      (if (i32.eqz (call $fiber.more_descriptors (i32.and (i32.add (local.get $fd) (i32.const 256)) (i32.const -256)))) (then (return)))))
  (i32.store8 (i32.add (global.get $fiber.descriptors) (local.get $fd)) (local.get $kind)))

;; more_descriptors makes room for so many, a multiple of 256; 0 if there is no memory.
(func $fiber.more_descriptors (param $n i32) (result i32)
  (local $to i32) (local $i i32)
  (if (i32.eqz (local.tee $to (call $program.malloc (local.get $n)))) (then (return (i32.const 0))))
  (loop $next
    (i64.store (i32.add (local.get $to) (local.get $i)) (i64.const 0))
    (if (i32.lt_u (local.get $i) (global.get $fiber.descriptor_room))
      (then (i64.store (i32.add (local.get $to) (local.get $i)) (i64.load (i32.add (global.get $fiber.descriptors) (local.get $i))))))
    (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (local.get $n))))
  (if (global.get $fiber.descriptors) (then (call $program.free (global.get $fiber.descriptors))))
  (global.set $fiber.descriptors (local.get $to))
  (global.set $fiber.descriptor_room (local.get $n))
  (i32.const 1))

;; promise notes that a fiber was told to read a descriptor whose calls could stop the
;; program, and returns 0 if another was and has not done so: there may be nothing left.
(func $fiber.promise (param $fd i32) (result i32)
  (local $at i32)
  (if (i32.ge_u (local.get $fd) (global.get $fiber.descriptor_room)) (then (return (i32.const 1))))
  (local.set $at (i32.add (global.get $fiber.descriptors) (local.get $fd)))
  (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 18)) (then (return (i32.const 0))))
  (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 2)) (then (i32.store8 (local.get $at) (i32.const 18))))
  (i32.const 1))

;; kept notes that it has.
(func $fiber.kept (param $fd i32)
  (if (i32.lt_u (local.get $fd) (global.get $fiber.descriptor_room))
    (then (call $fiber.note (local.get $fd) (call $fiber.noted (local.get $fd))))))
