;; Channels: values of 32 bits from fiber to fiber, in order. A send to a channel of
;; capacity 0 waits for a receiver, others for room in the buffer.
;;
;; A channel, lowest address first:
;;
;;    0  capacity
;;    4  how many values are in the buffer
;;    8  the place of the first of them
;;   12  1 if it is closed
;;   16  the cases that wait to receive: first and
;;   20  last
;;   24  the cases that wait to send: first and
;;   28  last
;;   32  buffer
;;
;; An operation on a channel is a case, also when there is only one:
;;
;;    0  channel; 0: this case is out of the question
;;    4  1 to send, 0 to receive
;;    8  value, to send or received
;;   12  1 if that has worked, 0 if the channel is closed
;;   16  the fiber that waits
;;   20  next and
;;   24  previous case that waits at the channel
;;   28  –
;;
;; When a case can go ahead, who makes it so does it, takes all cases of that fiber out
;; of their queues and wakes it; it finds everything done.

;; chan_make returns a new channel, 0 if there is no memory.
(func $fiber.chan_make (export "chan_make") (param $capacity i32) (result i32)
  (local $ch i32)
  (if (i32.gt_u (local.get $capacity) (i32.const 0x0fffffff)) (then (return (i32.const 0))))
  (local.set $ch (call $program.malloc (i32.add (i32.shl (local.get $capacity) (i32.const 2)) (i32.const 32))))
  (if (local.get $ch)
    (then
      (i32.store (local.get $ch) (local.get $capacity))
      (i32.store offset=4 (local.get $ch) (i32.const 0))
      (i64.store offset=8 (local.get $ch) (i64.const 0))
      (i64.store offset=16 (local.get $ch) (i64.const 0))
      (i64.store offset=24 (local.get $ch) (i64.const 0))))
  (local.get $ch))

;; chan_free gives the memory of a channel back; no fiber may wait at it.
(func $fiber.chan_free (export "chan_free") (param $ch i32)
  (if (i32.or (i32.load offset=16 (local.get $ch)) (i32.load offset=24 (local.get $ch))) (then (call $fiber.chan_in_use)))
  (call $program.free (local.get $ch)))

;; chan_len returns how many values are in the buffer.
(func $fiber.chan_len (export "chan_len") (param $ch i32) (result i32)
  (i32.load offset=4 (local.get $ch)))

;; chan_send sends a value; 0 if the channel is closed, perhaps meanwhile.
(func $fiber.chan_send (export "chan_send") (param $ch i32) (param $value i32) (result i32)
  (local $case i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (return (call $fiber.one_done))))
  (local.set $case (call $fiber.one (local.get $ch)))
  (i32.store offset=4 (local.get $case) (i32.const 1))
  (i32.store offset=8 (local.get $case) (local.get $value))
  (if (i32.eqz (call $fiber.try (local.get $case))) (then (call $fiber.wait_for (local.get $case) (i32.const 1)) (return (i32.const 0))))
  (i32.load offset=12 (local.get $case)))

;; chan_receive receives a value and stores it at an address; 0 if the channel is closed
;; and empty, then it stores 0.
(func $fiber.chan_receive (export "chan_receive") (param $ch i32) (param $to i32) (result i32)
  (local $case i32) (local $ok i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2))
    (then
      (local.set $ok (call $fiber.one_done))
      (i32.store (local.get $to) (i32.load offset=80 (global.get $fiber.running)))
      (return (local.get $ok))))
  (local.set $case (call $fiber.one (local.get $ch)))
  (i32.store offset=4 (local.get $case) (i32.const 0))
  (if (i32.eqz (call $fiber.try (local.get $case))) (then (call $fiber.wait_for (local.get $case) (i32.const 1)) (return (i32.const 0))))
  (i32.store (local.get $to) (i32.load offset=8 (local.get $case)))
  (i32.load offset=12 (local.get $case)))

;; chan_close closes a channel: what is in its buffer can still be received, then
;; receivers get 0. Fibers that wait to send are told that it has not worked.
(func $fiber.chan_close (export "chan_close") (param $ch i32)
  (local $case i32)
  (i32.store offset=12 (local.get $ch) (i32.const 1))
  (loop $receivers
    (if (local.tee $case (i32.load offset=16 (local.get $ch)))
      (then (call $fiber.fire (local.get $case) (i32.const 0) (i32.const 0)) (br $receivers))))
  (loop $senders
    (if (local.tee $case (i32.load offset=24 (local.get $ch)))
      (then (call $fiber.fire (local.get $case) (i32.load offset=8 (local.get $case)) (i32.const 0)) (br $senders)))))

;; select waits until one of n cases can go ahead, does it, and returns its number; if
;; several can, it is the first. With block 0 it returns -1 rather than wait.
(func $fiber.select (export "select") (param $cases i32) (param $n i32) (param $block i32) (result i32)
  (local $i i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (return (call $fiber.arrive))))
  (loop $next
    (if (i32.lt_u (local.get $i) (local.get $n))
      (then
        (if (call $fiber.try (i32.add (local.get $cases) (i32.shl (local.get $i) (i32.const 5)))) (then (return (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next))))
  (if (i32.eqz (local.get $block)) (then (return (i32.const -1))))
  (call $fiber.wait_for (local.get $cases) (local.get $n))
  (i32.const 0))

;; select_timeout is a select that waits for a number of nanoseconds at most, and returns
;; -1 if none of the cases could go ahead until then. It does not wait with 0, and as long
;; as it takes with a negative number.
(func $fiber.select_timeout (export "select_timeout") (param $cases i32) (param $n i32) (param $nanoseconds i64) (result i32)
  (local $number i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (return (call $fiber.arrive))))
  (if (i64.le_s (local.get $nanoseconds) (i64.const 0))
    (then (return (call $fiber.select (local.get $cases) (local.get $n) (i64.ne (local.get $nanoseconds) (i64.const 0))))))
  (local.set $number (call $fiber.select (local.get $cases) (local.get $n) (i32.const 0)))
  (if (i32.ge_s (local.get $number) (i32.const 0)) (then (return (local.get $number))))
  (call $fiber.queue_up (local.get $cases) (local.get $n))
  (i64.store offset=96 (global.get $fiber.running) (i64.add (call $fiber.now) (local.get $nanoseconds)))
  (call $fiber.add_sleeper (global.get $fiber.running))
  (i32.store offset=112 (global.get $fiber.running) (i32.const 9))
  (call $fiber.wait)
  (i32.const 0))

;; selected takes a fiber out of the sleepers, if it has a timeout.
(func $fiber.selected (param $f i32)
  (if (i32.eq (i32.load offset=112 (local.get $f)) (i32.const 9)) (then (call $fiber.unsleep (local.get $f)))))

;; timed_out takes the cases of a fiber out of their queues, if it waits for any.
(func $fiber.timed_out (param $f i32)
  (if (i32.eq (i32.load offset=112 (local.get $f)) (i32.const 9)) (then (call $fiber.unqueue_all (local.get $f)))))

;; one returns the case that the fiber has for an operation on one channel.
(func $fiber.one (param $ch i32) (result i32)
  (local $case i32)
  (local.set $case (i32.add (call $fiber.self) (i32.const 72)))
  (i32.store (local.get $case) (local.get $ch))
  (local.get $case))

;; one_done is called when an operation on one channel that had to wait is done.
(func $fiber.one_done (result i32)
  (drop (call $fiber.arrive))
  (i32.load offset=84 (global.get $fiber.running)))

;; try does a case if it can go ahead, and reports whether it could.
(func $fiber.try (param $case i32) (result i32)
  (local $ch i32) (local $other i32)
  (if (i32.eqz (local.tee $ch (i32.load (local.get $case)))) (then (return (i32.const 0))))
  (if (i32.load offset=4 (local.get $case))
    (then
      (if (i32.load offset=12 (local.get $ch)) (then (i32.store offset=12 (local.get $case) (i32.const 0)) (return (i32.const 1))))
      (if (local.tee $other (i32.load offset=16 (local.get $ch)))
        (then (call $fiber.fire (local.get $other) (i32.load offset=8 (local.get $case)) (i32.const 1)))
        (else
          (if (i32.ge_u (i32.load offset=4 (local.get $ch)) (i32.load (local.get $ch))) (then (return (i32.const 0))))
          (call $fiber.put (local.get $ch) (i32.load offset=8 (local.get $case)))))
      (i32.store offset=12 (local.get $case) (i32.const 1))
      (return (i32.const 1))))
  (local.set $other (i32.load offset=24 (local.get $ch)))
  (i32.store offset=12 (local.get $case) (i32.const 1))
  (if (i32.load offset=4 (local.get $ch))
    (then
      (i32.store offset=8 (local.get $case) (call $fiber.get (local.get $ch)))
      (if (local.get $other)
        (then
          (call $fiber.put (local.get $ch) (i32.load offset=8 (local.get $other)))
          (call $fiber.fire (local.get $other) (i32.load offset=8 (local.get $other)) (i32.const 1))))
      (return (i32.const 1))))
  (if (local.get $other)
    (then
      (i32.store offset=8 (local.get $case) (i32.load offset=8 (local.get $other)))
      (call $fiber.fire (local.get $other) (i32.load offset=8 (local.get $other)) (i32.const 1))
      (return (i32.const 1))))
  (i32.store offset=8 (local.get $case) (i32.const 0))
  (i32.store offset=12 (local.get $case) (i32.const 0))
  (i32.load offset=12 (local.get $ch)))

;; put appends a value to the buffer of a channel, which has room.
(func $fiber.put (param $ch i32) (param $value i32)
  (i32.store offset=32
    (i32.add (local.get $ch)
      (i32.shl
        (i32.rem_u (i32.add (i32.load offset=8 (local.get $ch)) (i32.load offset=4 (local.get $ch))) (i32.load (local.get $ch)))
        (i32.const 2)))
    (local.get $value))
  (i32.store offset=4 (local.get $ch) (i32.add (i32.load offset=4 (local.get $ch)) (i32.const 1))))

;; get takes the first value out of the buffer of a channel, which has one.
(func $fiber.get (param $ch i32) (result i32)
  (local $value i32)
  (local.set $value (i32.load offset=32 (i32.add (local.get $ch) (i32.shl (i32.load offset=8 (local.get $ch)) (i32.const 2)))))
  (i32.store offset=8 (local.get $ch) (i32.rem_u (i32.add (i32.load offset=8 (local.get $ch)) (i32.const 1)) (i32.load (local.get $ch))))
  (i32.store offset=4 (local.get $ch) (i32.sub (i32.load offset=4 (local.get $ch)) (i32.const 1)))
  (local.get $value))

;; wait_for waits until one of n cases is done.
(func $fiber.wait_for (param $cases i32) (param $n i32)
  (call $fiber.queue_up (local.get $cases) (local.get $n))
  (call $fiber.wait))

;; queue_up puts n cases of the fiber that runs into the queues of their channels.
(func $fiber.queue_up (param $cases i32) (param $n i32)
  (local $case i32) (local $queue i32)
  (i32.store offset=64 (call $fiber.self) (local.get $cases))
  (i32.store offset=68 (global.get $fiber.running) (local.get $n))
  (i32.store offset=112 (global.get $fiber.running) (i32.const 2))
  (local.set $case (local.get $cases))
  (loop $next
    (if (local.get $n)
      (then
        (i32.store offset=16 (local.get $case) (global.get $fiber.running))
        (if (i32.load (local.get $case))
          (then
            (local.set $queue (call $fiber.queue (local.get $case)))
            (i32.store offset=20 (local.get $case) (i32.const 0))
            (i32.store offset=24 (local.get $case) (i32.load offset=4 (local.get $queue)))
            (if (i32.load offset=4 (local.get $queue))
              (then (i32.store offset=20 (i32.load offset=4 (local.get $queue)) (local.get $case)))
              (else (i32.store (local.get $queue) (local.get $case))))
            (i32.store offset=4 (local.get $queue) (local.get $case))))
        (local.set $case (i32.add (local.get $case) (i32.const 32)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))))

;; queue returns the address of the queue that a case waits in: its first and its last.
(func $fiber.queue (param $case i32) (result i32)
  (i32.add (i32.load (local.get $case)) (select (i32.const 24) (i32.const 16) (i32.load offset=4 (local.get $case)))))

;; fire ends a case that waits with a value, and wakes its fiber with the number of the
;; case.
(func $fiber.fire (param $case i32) (param $value i32) (param $ok i32)
  (local $f i32)
  (i32.store offset=8 (local.get $case) (local.get $value))
  (i32.store offset=12 (local.get $case) (local.get $ok))
  (local.set $f (i32.load offset=16 (local.get $case)))
  (call $hook.selected (local.get $f))
  (call $fiber.wake (local.get $f) (i32.shr_u (i32.sub (local.get $case) (i32.load offset=64 (local.get $f))) (i32.const 5)))
  (call $fiber.unqueue_all (local.get $f)))

;; unqueue_all takes all cases that a fiber waits for out of their queues.
(func $fiber.unqueue_all (param $f i32)
  (local $case i32) (local $n i32)
  (local.set $case (i32.load offset=64 (local.get $f)))
  (local.set $n (i32.load offset=68 (local.get $f)))
  (loop $next
    (if (local.get $n)
      (then
        (if (i32.load (local.get $case)) (then (call $fiber.unqueue (local.get $case))))
        (local.set $case (i32.add (local.get $case) (i32.const 32)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))))

;; unqueue takes a case out of the queue that it waits in.
(func $fiber.unqueue (param $case i32)
  (local $queue i32) (local $next i32) (local $previous i32)
  (local.set $queue (call $fiber.queue (local.get $case)))
  (local.set $next (i32.load offset=20 (local.get $case)))
  (local.set $previous (i32.load offset=24 (local.get $case)))
  (if (local.get $previous)
    (then (i32.store offset=20 (local.get $previous) (local.get $next)))
    (else (i32.store (local.get $queue) (local.get $next))))
  (if (local.get $next)
    (then (i32.store offset=24 (local.get $next) (local.get $previous)))
    (else (i32.store offset=4 (local.get $queue) (local.get $previous)))))

(func $fiber.chan_in_use (unreachable))
