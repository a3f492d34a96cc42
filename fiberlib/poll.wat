;; The loop that waits for descriptors, on WASI preview 1: the host is asked about all fibers
;; that wait for one at once. When no fiber is ready it waits for all of them and for the first
;; who sleeps; meanwhile it is asked now and then.
;;
;; What the host says is a hint. There are hosts that call descriptors ready that are not, that
;; see none unless they may wait a millisecond, and that know nothing of any if they cannot
;; watch one.
;;
;; A fiber that waits, a watcher, keeps in its region, where others have the cases of a select:
;;
;;   64  subscriptions of the program; 0: it waits for one descriptor
;;   68  how many they are                           | the descriptor
;;   72  where their events go                       | 1 to read, 2 to write; 4: it will read at once
;;   76  how many events there have been             | 1 to read, 2 to write
;;   80  next and
;;   84  previous watcher
;;   88  the number of the clock that ends the wait  | bytes that were written already
;;   92  how many descriptors it waits for, also if one for two things
;;   96  until when, 2^63-1 for ever: 8 bytes
;;
;; Its wait returns 0 when the time has come, 1 when something has happened, -1 when it was
;; cancelled, more than 1 for an error of the host plus 1.

(global $fiber.watchers (mut i32) (i32.const 0)) ;; those who wait for a descriptor, in the order in which they came: the first
(global $fiber.watchers_last (mut i32) (i32.const 0)) ;; and the last
(global $fiber.watched (mut i32) (i32.const 0)) ;; how many descriptors they wait for
(global $fiber.list_room (mut i32) (i32.const 0)) ;; how many subscriptions there is room for
(global $fiber.subscriptions (mut i32) (i32.const 0)) ;; 48 bytes each; behind them 32 for each event
(global $fiber.subscribed (mut i32) (i32.const 0)) ;; how many there are now
(global $fiber.glance (mut i32) (i32.const 1)) ;; 0: the host sees without waiting what is ready; -1: it does not; 1: not known
(global $fiber.looked (mut i64) (i64.const 0)) ;; when such a host was last asked while fibers were ready
(global $fiber.nap (mut i64) (i64.const 0)) ;; nanoseconds to wait before the host is asked again, if it was wrong

;; loop_turns is called when a fiber gives up its turn. Every 64th time it looks at the clock
;; and at the descriptors.
(func $fiber.loop_turns
  (if (i32.eqz (i32.or (global.get $fiber.watchers) (global.get $fiber.sleepers))) (then (return)))
  (global.set $fiber.rounds (i32.add (global.get $fiber.rounds) (i32.const 1)))
  (if (i32.ge_u (global.get $fiber.rounds) (i32.const 64)) (then (call $fiber.look_around))))

;; loop is called before a fiber is chosen. If none is ready, it waits until one is.
(func $fiber.loop
  (if (i32.eqz (i32.or (global.get $fiber.watchers) (global.get $fiber.sleepers))) (then (return)))
  (if (call $fiber.first (i32.const 0)) (then (call $fiber.loop_turns) (return)))
  (loop $again
    (call $fiber.wake_sleepers)
    (if (call $fiber.first (i32.const 0)) (then (return)))
    (if (call $hook.driven) (then (call $fiber.look_around) (return))) ;; the host asks again
    (call $fiber.idle_wait)
    (br_if $again (i32.eqz (call $fiber.first (i32.const 0))))))

;; look_around asks about clock and descriptors, while fibers are ready. With a host that has to wait
;; for a millisecond it does so every ten.
(func $fiber.look_around
  (local $now i64)
  (call $fiber.wake_sleepers)
  (if (i32.eqz (global.get $fiber.watchers)) (then (return)))
  (if (i32.eqz (global.get $fiber.glance)) (then (call $fiber.poll (i64.const 0)) (return)))
  (local.set $now (call $fiber.now))
  (if (i64.lt_s (local.get $now) (i64.add (global.get $fiber.looked) (i64.const 10000000))) (then (return)))
  (global.set $fiber.looked (local.get $now))
  (call $fiber.poll (i64.const 1000000)))

;; idle_wait lets the host wait for the descriptors and the first who sleeps. It is asked what
;; is ready first: if that turns out wrong for all, it is one that cannot watch them, and gets
;; asked again after a while.
(func $fiber.idle_wait
  (local $left i64)
  (local.set $left (call $fiber.time_left))
  (if (i32.eqz (global.get $fiber.watchers)) (then (call $fiber.host_sleep (local.get $left)) (return)))
  (if (i32.and (global.get $fiber.in_vain) (i32.eqz (global.get $fiber.progress)))
    (then
      (global.set $fiber.nap (call $fiber.less (i64.add (i64.mul (global.get $fiber.nap) (i64.const 2)) (i64.const 100000)) (i64.const 5000000)))
      (call $fiber.host_sleep (call $fiber.less (local.get $left) (global.get $fiber.nap)))
      (local.set $left (i64.const 0)))
    (else (global.set $fiber.nap (i64.const 0))))
  (global.set $fiber.in_vain (i32.const 0))
  (global.set $fiber.progress (i32.const 0))
  (if (i32.ge_s (global.get $fiber.glance) (i32.const 0))
    (then
      (call $fiber.poll (call $fiber.less (local.get $left) (select (i64.const 1000000) (i64.const 0) (global.get $fiber.glance))))
      (if (call $fiber.first (i32.const 0)) (then (return)))))
  (if (i64.eqz (local.get $left)) (then (return)))
  (call $fiber.poll (call $fiber.time_left)))

;; time_left returns the nanoseconds until the first who sleeps wakes, 2^63-1 if none sleeps.
(func $fiber.time_left (result i64)
  (local $left i64)
  (if (i32.eqz (global.get $fiber.sleepers)) (then (return (i64.const 0x7fffffffffffffff))))
  (local.set $left (i64.sub (i64.load offset=96 (global.get $fiber.sleepers)) (call $fiber.now)))
  (select (local.get $left) (i64.const 0) (i64.gt_s (local.get $left) (i64.const 0))))

(func $fiber.less (param $a i64) (param $b i64) (result i64)
  (select (local.get $a) (local.get $b) (i64.lt_s (local.get $a) (local.get $b))))

;; due returns the time after some nanoseconds, 2^63-1 if they are negative or more than
;; a hundred years.
(func $fiber.due (param $nanoseconds i64) (result i64)
  (if (i64.gt_u (local.get $nanoseconds) (i64.const 0x2fffffffffffffff)) (then (return (i64.const 0x7fffffffffffffff))))
  (i64.add (call $fiber.now) (local.get $nanoseconds)))

;; ---- watchers ----

;; watch_for makes the fiber that runs one that waits for one descriptor, for ever.
(func $fiber.watch_for (param $f i32) (param $fd i32) (param $events i32)
  (i32.store offset=64 (local.get $f) (i32.const 0))
  (i32.store offset=68 (local.get $f) (local.get $fd))
  (i32.store offset=72 (local.get $f) (local.get $events))
  (i32.store offset=76 (local.get $f) (i32.const 0))
  (i32.store offset=92 (local.get $f) (i32.popcnt (i32.and (local.get $events) (i32.const 3))))
  (i64.store offset=96 (local.get $f) (i64.const 0x7fffffffffffffff)))

;; watch_one has the fiber that runs wait for one descriptor, and leaves it.
(func $fiber.watch_one (param $fd i32) (param $events i32)
  (call $fiber.watch_for (global.get $fiber.running) (local.get $fd) (local.get $events))
  (call $fiber.watch (global.get $fiber.running)))

;; watch puts the fiber that runs among the watchers, and the sleepers if it waits for a time,
;; and leaves it.
(func $fiber.watch (param $f i32)
  (if (i32.load offset=92 (local.get $f))
    (then
      (i32.store offset=80 (local.get $f) (i32.const 0))
      (i32.store offset=84 (local.get $f) (global.get $fiber.watchers_last))
      (if (global.get $fiber.watchers)
        (then (i32.store offset=80 (global.get $fiber.watchers_last) (local.get $f)))
        (else (global.set $fiber.watchers (local.get $f))))
      (global.set $fiber.watchers_last (local.get $f))
      (global.set $fiber.watched (i32.add (global.get $fiber.watched) (i32.load offset=92 (local.get $f))))))
  (if (i64.ne (i64.load offset=96 (local.get $f)) (i64.const 0x7fffffffffffffff)) (then (call $fiber.add_sleeper (local.get $f))))
  (i32.store offset=112 (local.get $f) (i32.const 5))
  (call $fiber.wait))

;; unwatch takes a fiber out of the watchers, if it is one.
(func $fiber.unwatch (param $f i32)
  (local $next i32) (local $previous i32)
  (if (i32.ne (i32.load offset=112 (local.get $f)) (i32.const 5)) (then (return)))
  (if (i32.eqz (i32.load offset=92 (local.get $f))) (then (return)))
  (global.set $fiber.watched (i32.sub (global.get $fiber.watched) (i32.load offset=92 (local.get $f))))
  (local.set $next (i32.load offset=80 (local.get $f)))
  (local.set $previous (i32.load offset=84 (local.get $f)))
  (if (local.get $next)
    (then (i32.store offset=84 (local.get $next) (local.get $previous)))
    (else (global.set $fiber.watchers_last (local.get $previous))))
  (if (local.get $previous)
    (then (i32.store offset=80 (local.get $previous) (local.get $next)))
    (else (global.set $fiber.watchers (local.get $next)))))

;; end_wait wakes a fiber that is a watcher.
(func $fiber.end_wait (param $f i32) (param $value i32)
  (if (i32.ne (i32.load offset=24 (local.get $f)) (i32.const 6)) (then (return)))
  (call $fiber.unwatch (local.get $f))
  (if (i64.ne (i64.load offset=96 (local.get $f)) (i64.const 0x7fffffffffffffff)) (then (call $fiber.unsleep (local.get $f))))
  (call $fiber.wake (local.get $f) (local.get $value)))

;; ---- to ask the host ----

;; poll asks the host about all watchers; it may wait for some nanoseconds, or for ever. If
;; it takes offence at one of them, it is asked about each.
(func $fiber.poll (param $nanoseconds i64)
  (local $f i32) (local $next i32) (local $errno i32)
  (call $fiber.begin_list (global.get $fiber.watched))
  (local.set $f (global.get $fiber.watchers))
  (loop $each
    (if (local.get $f)
      (then
        (call $fiber.enlist (local.get $f))
        (local.set $f (i32.load offset=80 (local.get $f)))
        (br $each))))
  (if (i32.eqz (call $fiber.ask (local.get $nanoseconds))) (then (return)))
  (global.set $fiber.in_vain (i32.const 1))
  (local.set $next (global.get $fiber.watchers))
  (loop $each
    (if (i32.eqz (local.tee $f (local.get $next))) (then (return)))
    (local.set $next (i32.load offset=80 (local.get $f)))
    (if (local.tee $errno (call $fiber.ask_for (local.get $f)))
      (then (call $fiber.end_wait (local.get $f) (i32.add (local.get $errno) (i32.const 1)))))
    (br $each)))

;; ask_for asks the host about one fiber, without waiting for longer than it must.
(func $fiber.ask_for (param $f i32) (result i32)
  (call $fiber.begin_list (i32.load offset=92 (local.get $f)))
  (call $fiber.enlist (local.get $f))
  (call $fiber.ask (select (i64.const 1000000) (i64.const 0) (global.get $fiber.glance))))

;; cannot_watch reports whether the host refuses to watch a descriptor.
(func $fiber.cannot_watch (param $fd i32) (result i32)
  (call $fiber.begin_list (i32.const 1))
  (call $fiber.subscribe (i32.const 1) (local.get $fd) (i32.const 0) (i32.const 0))
  (i32.ne (call $fiber.ask (i64.const 0)) (i32.const 0)))

;; begin_list begins a list of subscriptions, with room for n and a clock.
(func $fiber.begin_list (param $n i32)
  (global.set $fiber.subscribed (i32.const 0))
  (if (i32.lt_u (local.get $n) (global.get $fiber.list_room)) (then (return)))
  (if (global.get $fiber.subscriptions) (then (call $program.free (global.get $fiber.subscriptions))))
  (global.set $fiber.list_room (i32.mul (i32.add (local.get $n) (i32.const 2)) (i32.const 2)))
  (global.set $fiber.subscriptions (call $program.malloc (i32.mul (global.get $fiber.list_room) (i32.const 80))))
  (if (i32.eqz (global.get $fiber.subscriptions)) (then (call $fiber.out_of_memory (i32.mul (global.get $fiber.list_room) (i32.const 80))))))

;; enlist adds what a fiber waits for.
(func $fiber.enlist (param $f i32)
  (local $at i32) (local $i i32)
  (local.set $at (i32.load offset=64 (local.get $f)))
  (if (i32.eqz (local.get $at))
    (then
      (if (i32.and (i32.load offset=72 (local.get $f)) (i32.const 1))
        (then (call $fiber.subscribe (i32.const 1) (i32.load offset=68 (local.get $f)) (local.get $f) (i32.const 0))))
      (if (i32.and (i32.load offset=72 (local.get $f)) (i32.const 2))
        (then (call $fiber.subscribe (i32.const 2) (i32.load offset=68 (local.get $f)) (local.get $f) (i32.const 0))))
      (return)))
  (loop $next
    (if (i32.load8_u offset=8 (local.get $at))
      (then (call $fiber.subscribe (i32.load8_u offset=8 (local.get $at)) (i32.load offset=16 (local.get $at)) (local.get $f) (local.get $i))))
    (local.set $at (i32.add (local.get $at) (i32.const 48)))
    (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.load offset=68 (local.get $f))))))

;; subscribe adds a subscription: 0 to the clock, 1 to read, 2 to write. Its event comes back with
;; the fiber and the number.
(func $fiber.subscribe (param $what i32) (param $fd i32) (param $f i32) (param $number i32)
  (local $at i32)
  (local.set $at (i32.add (global.get $fiber.subscriptions) (i32.mul (global.get $fiber.subscribed) (i32.const 48))))
  (global.set $fiber.subscribed (i32.add (global.get $fiber.subscribed) (i32.const 1)))
  (i32.store (local.get $at) (local.get $f))
  (i32.store offset=4 (local.get $at) (local.get $number))
  (i64.store offset=8 (local.get $at) (i64.extend_i32_u (local.get $what)))
  (i64.store offset=16 (local.get $at) (i64.extend_i32_u (local.get $fd)))
  (i64.store offset=24 (local.get $at) (i64.const 0))
  (i64.store offset=32 (local.get $at) (i64.const 1))
  (i64.store offset=40 (local.get $at) (i64.const 0)))

;; ask asks the host what has happened, and tells whom it concerns. It may wait for some
;; nanoseconds; then the last subscription is a clock, relative, since not every host can wait
;; for an absolute time. It returns the error of the host.
(func $fiber.ask (param $nanoseconds i64) (result i32)
  (local $events i32) (local $n i32) (local $errno i32)
  (if (i64.ne (local.get $nanoseconds) (i64.const 0x7fffffffffffffff))
    (then
      (call $fiber.subscribe (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)) ;; the monotonic clock
      (i64.store (call $fiber.timeout) (local.get $nanoseconds))))
  (if (local.tee $errno (call $fiber.ask_host)) (then (return (local.get $errno))))
  (if (i32.eq (global.get $fiber.glance) (i32.const 1))
    (then (if (i64.ne (local.get $nanoseconds) (i64.const 0x7fffffffffffffff)) (then (call $fiber.try_glance)))))
  (local.set $events (i32.add (global.get $fiber.subscriptions) (i32.mul (global.get $fiber.list_room) (i32.const 48))))
  (local.set $n (i32.load offset=80 (global.get $fiber.scratch)))
  (loop $next
    (if (local.get $n)
      (then
        (call $fiber.happened (local.get $events))
        (local.set $events (i32.add (local.get $events) (i32.const 32)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next))))
  (i32.const 0))

;; timeout returns where the time of the last subscription is.
(func $fiber.timeout (result i32)
  (i32.add (global.get $fiber.subscriptions) (i32.sub (i32.mul (global.get $fiber.subscribed) (i32.const 48)) (i32.const 24))))

;; ask_host does so. A host that was interrupted has seen nothing.
(func $fiber.ask_host (result i32)
  (local $errno i32)
  (i32.store offset=80 (call $fiber.talk) (i32.const 0))
  (local.set $errno
    (call $program.poll_oneoff
      (global.get $fiber.subscriptions)
      (i32.add (global.get $fiber.subscriptions) (i32.mul (global.get $fiber.list_room) (i32.const 48)))
      (global.get $fiber.subscribed)
      (i32.add (global.get $fiber.scratch) (i32.const 80))))
  (if (i32.eqz (local.get $errno)) (then (return (i32.const 0))))
  (i32.store offset=80 (global.get $fiber.scratch) (i32.const 0))
  (select (i32.const 0) (local.get $errno) (i32.eq (local.get $errno) (i32.const 27)))) ;; EINTR

;; try_glance finds out, when a descriptor is ready, whether the host sees that without
;; waiting, too.
(func $fiber.try_glance
  (if (i32.eqz (call $fiber.has_happened)) (then (return)))
  (i64.store (call $fiber.timeout) (i64.const 0))
  (drop (call $fiber.ask_host))
  (global.set $fiber.glance (i32.sub (call $fiber.has_happened) (i32.const 1))))

;; has_happened returns 1 if one of the events is of a fiber.
(func $fiber.has_happened (result i32)
  (local $at i32) (local $n i32)
  (local.set $at (i32.add (global.get $fiber.subscriptions) (i32.mul (global.get $fiber.list_room) (i32.const 48))))
  (local.set $n (i32.load offset=80 (global.get $fiber.scratch)))
  (loop $next (result i32)
    (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
    (if (i32.load (local.get $at)) (then (return (i32.const 1))))
    (local.set $at (i32.add (local.get $at) (i32.const 32)))
    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    (br $next)))

;; happened tells a fiber of an event. A fiber that will read at once is told only if
;; nobody else was.
(func $fiber.happened (param $event i32)
  (local $f i32) (local $in i32)
  (if (i32.eqz (local.tee $f (i32.load (local.get $event)))) (then (return)))
  (if (local.tee $in (i32.load offset=64 (local.get $f)))
    (then
      (call $fiber.report (local.get $f)
        (i64.load (i32.add (local.get $in) (i32.mul (i32.load offset=4 (local.get $event)) (i32.const 48))))
        (i64.load offset=8 (local.get $event)) (i64.load offset=16 (local.get $event)) (i64.load offset=24 (local.get $event))))
    (else
      (if (i32.and (i32.load offset=72 (local.get $f)) (i32.const 4))
        (then (if (i32.eqz (call $fiber.promise (i32.load offset=68 (local.get $f)))) (then (return)))))
      (i32.store offset=76 (local.get $f) (i32.or (i32.load offset=76 (local.get $f)) (i32.load8_u offset=10 (local.get $event))))))
  (call $fiber.end_wait (local.get $f) (i32.const 1)))
