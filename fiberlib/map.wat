;; The map of the frames, read from inside: the functions that a suspended fiber is in,
;; and the values that they will need. The map has the format of the custom section
;; watfiber.frames; it comes as a data segment, and is copied to memory when it is asked
;; for first.

(data $program.map "")

(global $fiber.map (mut i32) (i32.const 0)) ;; the map: for each function the address of what it says
(global $fiber.files (mut i32) (i32.const 0)) ;; its names of files
(global $fiber.tables (mut i32) (i32.const 0)) ;; its tables
(global $fiber.at (mut i32) (i32.const 0)) ;; where it is read

;; A walk goes from frame to frame, from the outermost inwards.
(global $fiber.walk_function (mut i32) (i32.const 0)) ;; the number of the function whose frame is next; 0: there is none
(global $fiber.walk_frame (mut i32) (i32.const 0)) ;; the address of the frame, as if it was whole
(global $fiber.walk_start (mut i32) (i32.const 0)) ;; where it begins, and the next one ends
(global $fiber.walk_name (mut i32) (i32.const 0)) ;; the name of its function
(global $fiber.walk_slots (mut i32) (i32.const 0)) ;; what the map says of its slots
(global $fiber.walk_count (mut i32) (i32.const 0)) ;; how many slots those are
(global $fiber.walk_file (mut i32) (i32.const 0)) ;; where the site is: the number of a file, 0 if that is not known
(global $fiber.walk_line (mut i32) (i32.const 0)) ;; and the line
(global $fiber.walk_live (mut i32) (i32.const 0)) ;; which slots are needed

;; backtrace stores for each frame of a suspended fiber, the innermost first, four
;; words: the name of the function, that of the file or 0, the line, the address of the
;; frame. It stores n at most, and returns how many there are; none for a fiber that
;; runs, is new, or done, or has resumed another and is on the stack of the engine.
(func $fiber.backtrace (export "backtrace") (param $f i32) (param $to i32) (param $n i32) (result i32)
  (local $depth i32) (local $all i32)
  (local.set $all (call $fiber.depth (local.get $f)))
  (call $fiber.start_walk (local.get $f))
  (local.set $depth (local.get $all))
  (loop $next
    (if (call $fiber.step)
      (then
        (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
        (if (i32.lt_u (local.get $depth) (local.get $n))
          (then (call $fiber.store_frame (i32.add (local.get $to) (i32.shl (local.get $depth) (i32.const 4))))))
        (br $next))))
  (local.get $all))

;; depth returns how many frames a fiber has.
(func $fiber.depth (param $f i32) (result i32)
  (local $n i32)
  (call $fiber.start_walk (local.get $f))
  (loop $next
    (if (call $fiber.step)
      (then
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $next))))
  (local.get $n))

;; store_frame stores the four words of the frame that the walk has reached.
(func $fiber.store_frame (param $to i32)
  (local $n i32)
  (i32.store (local.get $to) (global.get $fiber.walk_name))
  (i32.store offset=4 (local.get $to) (i32.const 0))
  (if (local.tee $n (global.get $fiber.walk_file))
    (then
      (global.set $fiber.at (global.get $fiber.files))
      (loop $next
        (i32.store offset=4 (local.get $to) (call $fiber.text))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
  (i32.store offset=8 (local.get $to) (global.get $fiber.walk_line))
  (i32.store offset=12 (local.get $to) (global.get $fiber.walk_start)))

;; locals stores for each value that a frame holds and its function will need three
;; words: its name, its type as a letter (i i32, l i64, f f32, d f64, v v128), its
;; address. The innermost frame has depth 0. It stores n at most, and returns how many
;; there are.
(func $fiber.locals (export "locals") (param $f i32) (param $depth i32) (param $to i32) (param $n i32) (result i32)
  (local $left i32) (local $found i32)
  (local.set $left (i32.sub (call $fiber.depth (local.get $f)) (local.get $depth)))
  (if (i32.le_s (local.get $left) (i32.const 0)) (then (return (i32.const 0))))
  (call $fiber.start_walk (local.get $f))
  (loop $next
    (drop (call $fiber.step))
    (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (global.set $fiber.at (global.get $fiber.walk_slots))
  (loop $next
    (if (i32.lt_u (local.get $left) (global.get $fiber.walk_count))
      (then
        (if (call $fiber.store_local (local.get $to) (local.get $left) (i32.lt_u (local.get $found) (local.get $n)))
          (then
            (local.set $found (i32.add (local.get $found) (i32.const 1)))
            (local.set $to (i32.add (local.get $to) (i32.const 12)))))
        (local.set $left (i32.add (local.get $left) (i32.const 1)))
        (br $next))))
  (local.get $found))

;; store_local reads what the map says of a slot, stores it if there is room, and reports
;; whether the value is needed.
(func $fiber.store_local (param $to i32) (param $slot i32) (param $room i32) (result i32)
  (local $type i32) (local $offset i32) (local $name i32)
  (local.set $type (call $fiber.byte))
  (local.set $offset (call $fiber.number))
  (local.set $name (call $fiber.text))
  (if (i32.eqz (call $fiber.is_live (local.get $slot))) (then (return (i32.const 0))))
  (if (local.get $room)
    (then
      (i32.store (local.get $to) (local.get $name))
      (i32.store offset=4 (local.get $to) (local.get $type))
      (i32.store offset=8 (local.get $to) (i32.add (global.get $fiber.walk_frame) (local.get $offset)))))
  (i32.const 1))

;; slots calls a function for each i32 that a suspended fiber will need, with its address
;; in the frames and a value: what can be a pointer, and nothing else. A collector that
;; moves objects may change it. Shadow stacks have no map; the function for them gets
;; their ranges. Call it from a function that looks.
(func $fiber.slots (export "slots") (param $function i32) (param $value i32)
  (local $f i32)
  (local.set $f (global.get $fiber.all))
  (loop $next
    (if (local.get $f)
      (then
        (call $fiber.start_walk (local.get $f))
        (loop $inwards
          (if (call $fiber.step)
            (then
              (call $fiber.slots_of_frame (local.get $function) (local.get $value))
              (br $inwards))))
        (local.set $f (i32.load offset=40 (local.get $f)))
        (br $next)))))

;; slots_of_frame does so for the frame that a walk has reached.
(func $fiber.slots_of_frame (param $function i32) (param $value i32)
  (local $slot i32) (local $type i32) (local $offset i32)
  (global.set $fiber.at (global.get $fiber.walk_slots))
  (loop $next
    (if (i32.lt_u (local.get $slot) (global.get $fiber.walk_count))
      (then
        (local.set $type (call $fiber.byte))
        (local.set $offset (call $fiber.number))
        (drop (call $fiber.text))
        (if (i32.eq (local.get $type) (i32.const 0x69)) ;; i
          (then
            (if (call $fiber.is_live (local.get $slot))
              (then
                (call_indirect (param i32 i32) (i32.add (global.get $fiber.walk_frame) (local.get $offset)) (local.get $value) (local.get $function))))))
        (local.set $slot (i32.add (local.get $slot) (i32.const 1)))
        (br $next)))))

;; is_live reports whether a slot is needed at the site that a walk has reached.
(func $fiber.is_live (param $slot i32) (result i32)
  (i32.and
    (i32.shr_u (i32.load8_u (i32.add (global.get $fiber.walk_live) (i32.shr_u (local.get $slot) (i32.const 3)))) (i32.and (local.get $slot) (i32.const 7)))
    (i32.const 1)))

;; start_walk begins at the outermost frame of a fiber.
(func $fiber.start_walk (param $f i32)
  (if (i32.eqz (global.get $fiber.map)) (then (call $fiber.load_map)))
  (call $fiber.must_be (local.get $f))
  (global.set $fiber.walk_function (i32.const 0))
  (if (i32.eqz (call $fiber.has_stack (local.get $f))) (then (return)))
  (global.set $fiber.walk_start (call $fiber.frames_end (local.get $f)))
  (global.set $fiber.walk_function (i32.load offset=4 (local.get $f)))
  (if (i32.load (local.get $f)) ;; not a main fiber
    (then (global.set $fiber.walk_function (call $fiber.in_table (i32.const 0) (i32.load (local.get $f)))))))

;; step goes to the next frame inwards; 0 if there is none.
(func $fiber.step (result i32)
  (local $site i32) (local $skip i32)
  (if (i32.eqz (global.get $fiber.walk_function)) (then (return (i32.const 0))))
  (global.set $fiber.at (i32.load (i32.add (global.get $fiber.map) (i32.shl (i32.sub (global.get $fiber.walk_function) (i32.const 1)) (i32.const 2)))))
  (global.set $fiber.walk_name (call $fiber.text))
  (global.set $fiber.walk_frame (i32.sub (global.get $fiber.walk_start) (call $fiber.number)))
  (local.set $site (call $fiber.number))
  (if (local.get $site) ;; 1 + the offset of its number in the frame
    (then (local.set $site (i32.load (i32.add (global.get $fiber.walk_frame) (i32.sub (local.get $site) (i32.const 1)))))))
  (global.set $fiber.walk_start (i32.add (global.get $fiber.walk_frame) (call $fiber.number))) ;; there is nothing rare
  (if (i32.lt_s (local.get $site) (i32.const 0)) ;; the frame is whole
    (then
      (local.set $site (i32.xor (local.get $site) (i32.const -1)))
      (global.set $fiber.walk_start (global.get $fiber.walk_frame))))
  (global.set $fiber.walk_count (call $fiber.number))
  (global.set $fiber.walk_slots (global.get $fiber.at))
  (call $fiber.skip_slots (global.get $fiber.walk_count))
  (drop (call $fiber.number)) ;; how many sites there are
  (loop $next
    (global.set $fiber.walk_file (call $fiber.number))
    (global.set $fiber.walk_line (call $fiber.number))
    (local.set $skip (call $fiber.number))
    (if (local.get $site)
      (then
        (global.set $fiber.at (i32.add (global.get $fiber.at) (local.get $skip)))
        (local.set $site (i32.sub (local.get $site) (i32.const 1)))
        (br $next))))
  (call $fiber.read_callee)
  (i32.const 1))

;; read_callee reads who is called at a site, and where the bits for live slots are.
(func $fiber.read_callee
  (local $kind i32) (local $table i32)
  (global.set $fiber.walk_function (i32.const 0))
  (local.set $kind (call $fiber.number))
  (if (i32.eqz (local.get $kind)) (then (drop (call $fiber.text))))
  (if (i32.eq (local.get $kind) (i32.const 1)) (then (global.set $fiber.walk_function (call $fiber.number))))
  (if (i32.eq (local.get $kind) (i32.const 2))
    (then
      (local.set $table (call $fiber.number))
      (local.set $kind (call $fiber.number)) ;; the length of the code
      (if (local.get $kind)
        (then (global.set $fiber.walk_function (call $fiber.in_table (local.get $table) (call $fiber.index (local.get $kind))))))))
  (global.set $fiber.walk_live (global.get $fiber.at)))

;; index computes the index of a call through a table with code of n bytes. Four values
;; are enough for it.
(func $fiber.index (param $n i32) (result i32)
  (local $end i32) (local $op i32) (local $a i32) (local $b i32) (local $c i32) (local $d i32)
  (local.set $end (i32.add (global.get $fiber.at) (local.get $n)))
  (loop $next
    (local.set $op (call $fiber.byte))
    (if (i32.lt_u (local.get $op) (i32.const 0x6a))
      (then
        (local.set $d (local.get $c))
        (local.set $c (local.get $b))
        (local.set $b (local.get $a))
        (if (i32.eq (local.get $op) (i32.const 0x20))
          (then (local.set $a (call $fiber.slot_value (call $fiber.number))))
          (else (local.set $a (call $fiber.signed)))))
      (else
        (local.set $a (call $fiber.compute (local.get $op) (local.get $b) (local.get $a)))
        (local.set $b (local.get $c))
        (local.set $c (local.get $d))))
    (br_if $next (i32.lt_u (global.get $fiber.at) (local.get $end))))
  (local.get $a))

;; compute executes an instruction with two operands.
(func $fiber.compute (param $op i32) (param $a i32) (param $b i32) (result i32)
  (if (i32.eq (local.get $op) (i32.const 0x6a)) (then (return (i32.add (local.get $a) (local.get $b)))))
  (if (i32.eq (local.get $op) (i32.const 0x6b)) (then (return (i32.sub (local.get $a) (local.get $b)))))
  (if (i32.eq (local.get $op) (i32.const 0x6c)) (then (return (i32.mul (local.get $a) (local.get $b)))))
  (if (i32.eq (local.get $op) (i32.const 0x71)) (then (return (i32.and (local.get $a) (local.get $b)))))
  (if (i32.eq (local.get $op) (i32.const 0x72)) (then (return (i32.or (local.get $a) (local.get $b)))))
  (if (i32.eq (local.get $op) (i32.const 0x73)) (then (return (i32.xor (local.get $a) (local.get $b)))))
  (if (i32.eq (local.get $op) (i32.const 0x74)) (then (return (i32.shl (local.get $a) (local.get $b)))))
  (if (i32.eq (local.get $op) (i32.const 0x75)) (then (return (i32.shr_s (local.get $a) (local.get $b)))))
  (i32.shr_u (local.get $a) (local.get $b)))

;; slot_value returns the value of a slot, an i32.
(func $fiber.slot_value (param $slot i32) (result i32)
  (local $at i32) (local $value i32)
  (local.set $at (global.get $fiber.at))
  (global.set $fiber.at (global.get $fiber.walk_slots))
  (call $fiber.skip_slots (local.get $slot))
  (drop (call $fiber.byte))
  (local.set $value (i32.load (i32.add (global.get $fiber.walk_frame) (call $fiber.number))))
  (global.set $fiber.at (local.get $at))
  (local.get $value))

;; in_table returns the number of the function at an index of a table; 0 if it has no
;; frames, or nobody knows what lies there.
(func $fiber.in_table (param $table i32) (param $index i32) (result i32)
  (local $at i32) (local $runs i32) (local $is i32) (local $first i32) (local $n i32) (local $number i32) (local $found i32)
  (local.set $at (global.get $fiber.at))
  (global.set $fiber.at (global.get $fiber.tables))
  (local.set $runs (call $fiber.number))
  (loop $run
    (if (local.get $runs)
      (then
        (local.set $is (i32.eq (call $fiber.number) (local.get $table)))
        (local.set $first (call $fiber.number))
        (local.set $n (call $fiber.number))
        (loop $next
          (if (local.get $n)
            (then
              (local.set $number (call $fiber.number))
              (if (i32.and (local.get $is) (i32.eq (local.get $first) (local.get $index))) (then (local.set $found (local.get $number))))
              (local.set $first (i32.add (local.get $first) (i32.const 1)))
              (local.set $n (i32.sub (local.get $n) (i32.const 1)))
              (br $next))))
        (local.set $runs (i32.sub (local.get $runs) (i32.const 1)))
        (br $run))))
  (global.set $fiber.at (local.get $at))
  (local.get $found))

;; load_map copies the map to memory, and notes where each function begins.
(func $fiber.load_map
  (local $map i32) (local $n i32) (local $entry i32)
  (local.set $map (call $program.malloc (global.get $program.map_size)))
  (if (i32.eqz (local.get $map)) (then (call $fiber.out_of_memory (global.get $program.map_size))))
  (memory.init $program.map (local.get $map) (i32.const 0) (global.get $program.map_size))
  (global.set $fiber.at (i32.add (local.get $map) (i32.const 1))) ;; behind the version
  (local.set $n (call $fiber.number))
  (global.set $fiber.files (global.get $fiber.at))
  (loop $file
    (if (local.get $n)
      (then
        (drop (call $fiber.text))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $file))))
  (local.set $n (call $fiber.number))
  (local.set $entry (call $program.malloc (i32.add (i32.shl (local.get $n) (i32.const 2)) (i32.const 4))))
  (if (i32.eqz (local.get $entry)) (then (call $fiber.out_of_memory (i32.shl (local.get $n) (i32.const 2)))))
  (global.set $fiber.map (local.get $entry))
  (loop $function
    (if (local.get $n)
      (then
        (i32.store (local.get $entry) (global.get $fiber.at))
        (local.set $entry (i32.add (local.get $entry) (i32.const 4)))
        (call $fiber.skip_function)
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $function))))
  (global.set $fiber.tables (global.get $fiber.at)))

;; skip_function reads over what the map says of a function.
(func $fiber.skip_function
  (local $n i32)
  (drop (call $fiber.text))
  (drop (call $fiber.number))
  (drop (call $fiber.number))
  (drop (call $fiber.number))
  (call $fiber.skip_slots (call $fiber.number))
  (local.set $n (call $fiber.number))
  (loop $site
    (if (local.get $n)
      (then
        (drop (call $fiber.number))
        (drop (call $fiber.number))
        (drop (call $fiber.text_without_end))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $site)))))

;; skip_slots reads over n slots.
(func $fiber.skip_slots (param $n i32)
  (loop $next
    (if (local.get $n)
      (then
        (drop (call $fiber.byte))
        (drop (call $fiber.number))
        (drop (call $fiber.text))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))))

;; byte reads a byte.
(func $fiber.byte (result i32)
  (global.set $fiber.at (i32.add (global.get $fiber.at) (i32.const 1)))
  (i32.load8_u (i32.sub (global.get $fiber.at) (i32.const 1))))

;; number reads a number in LEB128.
(func $fiber.number (result i32)
  (local $n i32) (local $shift i32) (local $byte i32)
  (loop $more
    (local.set $byte (call $fiber.byte))
    (local.set $n (i32.or (local.get $n) (i32.shl (i32.and (local.get $byte) (i32.const 0x7f)) (local.get $shift))))
    (local.set $shift (i32.add (local.get $shift) (i32.const 7)))
    (br_if $more (i32.ge_u (local.get $byte) (i32.const 0x80))))
  (local.get $n))

;; signed reads a number in LEB128 that has a sign.
(func $fiber.signed (result i32)
  (local $from i32) (local $n i32) (local $bits i32)
  (local.set $from (global.get $fiber.at))
  (local.set $n (call $fiber.number))
  (local.set $bits (i32.mul (i32.sub (global.get $fiber.at) (local.get $from)) (i32.const 7)))
  (if (i32.ge_u (local.get $bits) (i32.const 32)) (then (return (local.get $n))))
  (local.set $bits (i32.sub (i32.const 32) (local.get $bits)))
  (i32.shr_s (i32.shl (local.get $n) (local.get $bits)) (local.get $bits)))

;; text reads a string, and returns its address.
(func $fiber.text (result i32)
  (local $text i32)
  (local.set $text (call $fiber.text_without_end))
  (global.set $fiber.at (i32.add (global.get $fiber.at) (i32.const 1)))
  (local.get $text))

;; text_without_end reads a length and as many bytes, and returns where those are.
(func $fiber.text_without_end (result i32)
  (local $n i32) (local $text i32)
  (local.set $n (call $fiber.number))
  (local.set $text (global.get $fiber.at))
  (global.set $fiber.at (i32.add (local.get $text) (local.get $n)))
  (local.get $text))
