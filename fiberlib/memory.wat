;; Memory for programs that have no malloc: pages from memory.grow. A page, or several in a
;; row, has the size of its blocks in its first word; the first block lies 16 bytes behind.
;; Blocks of 32 768 bytes and less have a power of two for a size and share a page; others
;; have pages of their own, and the size counts these. A free block has the next free one
;; of its size in its first word.

(global $fiber.lines (mut i32) (i32.const 0)) ;; 16 words: by the logarithm of the size, the first free block
(global $fiber.large (mut i32) (i32.const 0)) ;; the first free block with pages of its own

;; take_memory returns a block of at least size bytes, not 0, aligned to 16; 0 if there is no
;; memory.
(func $fiber.take_memory (param $size i32) (result i32)
  (local $line i32) (local $at i32)
  (if (i32.gt_u (local.get $size) (i32.const 32768)) (then (return (call $fiber.take_pages (local.get $size)))))
  (if (i32.eqz (global.get $fiber.lines)) (then (if (i32.eqz (call $fiber.make_lines)) (then (return (i32.const 0))))))
  (local.set $size (i32.shl (i32.const 1) (i32.sub (i32.const 32) (i32.clz (i32.or (i32.sub (local.get $size) (i32.const 1)) (i32.const 15))))))
  (local.set $line (i32.add (global.get $fiber.lines) (i32.shl (i32.ctz (local.get $size)) (i32.const 2))))
  (if (i32.eqz (i32.load (local.get $line)))
    (then
      (local.set $at (call $fiber.new_pages (i32.const 1) (local.get $size)))
      (if (i32.eqz (local.get $at)) (then (return (i32.const 0))))
      (call $fiber.divide (local.get $at) (local.get $size) (local.get $line))))
  (local.set $at (i32.load (local.get $line)))
  (i32.store (local.get $line) (i32.load (local.get $at)))
  (local.get $at))

;; give_memory takes a block back.
(func $fiber.give_memory (param $at i32)
  (local $size i32) (local $line i32)
  (local.set $size (i32.load (i32.and (local.get $at) (i32.const -65536))))
  (if (i32.gt_u (local.get $size) (i32.const 32768))
    (then
      (i32.store (local.get $at) (global.get $fiber.large))
      (global.set $fiber.large (local.get $at))
      (return)))
  (local.set $line (i32.add (global.get $fiber.lines) (i32.shl (i32.ctz (local.get $size)) (i32.const 2))))
  (i32.store (local.get $at) (i32.load (local.get $line)))
  (i32.store (local.get $line) (local.get $at)))

;; take_pages returns a block with pages of its own. One that was given back is used again
;; for the same number of pages only.
(func $fiber.take_pages (param $size i32) (result i32)
  (local $pages i32) (local $at i32) (local $before i32)
  (local.set $pages (i32.shr_u (i32.add (local.get $size) (i32.const 65551)) (i32.const 16)))
  (local.set $at (global.get $fiber.large))
  (block $none
    (loop $search
      (br_if $none (i32.eqz (local.get $at)))
      (if (i32.ne (i32.load (i32.sub (local.get $at) (i32.const 16))) (i32.shl (local.get $pages) (i32.const 16)))
        (then
          (local.set $before (local.get $at))
          (local.set $at (i32.load (local.get $at)))
          (br $search))))
    (if (local.get $before)
      (then (i32.store (local.get $before) (i32.load (local.get $at))))
      (else (global.set $fiber.large (i32.load (local.get $at)))))
    (return (local.get $at)))
  (call $fiber.new_pages (local.get $pages) (i32.shl (local.get $pages) (i32.const 16))))

;; new_pages grows the memory and returns the first block there; 0 if it does not grow.
(func $fiber.new_pages (param $pages i32) (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (memory.grow (local.get $pages)))
  (if (i32.eq (local.get $at) (i32.const -1)) (then (return (i32.const 0))))
  (local.set $at (i32.shl (local.get $at) (i32.const 16)))
  (i32.store (local.get $at) (local.get $size))
  (i32.add (local.get $at) (i32.const 16)))

;; divide makes free blocks of what is left of a page, from an address on.
(func $fiber.divide (param $at i32) (param $size i32) (param $line i32)
  (local $last i32)
  (local.set $last (i32.sub (i32.or (local.get $at) (i32.const 65535)) (i32.sub (local.get $size) (i32.const 1))))
  (loop $next
    (if (i32.le_u (local.get $at) (local.get $last))
      (then
        (i32.store (local.get $at) (i32.load (local.get $line)))
        (i32.store (local.get $line) (local.get $at))
        (local.set $at (i32.add (local.get $at) (local.get $size)))
        (br $next)))))

;; make_lines takes a block of 64 bytes for the lines from the first page of such blocks.
(func $fiber.make_lines (result i32)
  (local $at i32)
  (if (local.tee $at (call $fiber.new_pages (i32.const 1) (i32.const 64)))
    (then
      (global.set $fiber.lines (local.get $at))
      (call $fiber.divide (i32.add (local.get $at) (i32.const 64)) (i32.const 64) (i32.add (local.get $at) (i32.const 24)))))
  (local.get $at))
