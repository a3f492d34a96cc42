# wasm_fibers.cr: fibers for Crystal on wasm32-wasi, with the fiber library that
# `watfiber build` links: its functions take the place of the context switch that the
# standard library leaves out here.
#
# Require this file first in a program built with `--target wasm32-wasi`, and
# rewrite what the linker makes of it: `watfiber build in.wasm -o out.wasm`.
{% skip_file unless flag?(:wasm32) %}

require "./wasm_time"

@[Link(wasm_import_module: "fiber")]
lib LibFiber
  fun fiber_create(entry : Void*, size : UInt32) : Void*
  fun fiber_free(fiber : Void*)
  fun fiber_current : Void*
  fun fiber_switch(fiber : Void*, value : Void*) : Void*
end

class Fiber
  # Bytes for the two stacks of a fiber.
  STACK_BYTES = 128_u32 * 1024

  struct Context
    # The fiber of the library, null for the main one before it has switched.
    property handle : Void* = Pointer(Void).null
    # What its entry gets when it is switched to for the first time.
    property fiber : Void* = Pointer(Void).null
  end

  # A fiber that has ended. Its memory can go when another one runs.
  @@ended = Pointer(Void).null

  def makecontext(stack_ptr, fiber_main)
    # Not *fiber_main* itself: its return type is whatever Fiber#run's last
    # expression has, and the library calls functions of one type only.
    entry = ->(fiber : Fiber) { fiber.run; Pointer(Void).null }
    @context.handle = LibFiber.fiber_create(entry.pointer, STACK_BYTES)
    raise "no memory for a fiber" if @context.handle.null?
    @context.fiber = self.as(Void*)
    @context.resumable = 1
  end

  @[NoInline]
  def self.swapcontext(current_context, new_context) : Nil
    current_context.value.handle = LibFiber.fiber_current
    current_context.value.resumable = 1
    new_context.value.resumable = 0
    LibFiber.fiber_switch(new_context.value.handle, new_context.value.fiber)
  end

  # :nodoc:
  def self.ended(handle : Void*)
    LibFiber.fiber_free(@@ended) unless @@ended.null?
    @@ended = handle
  end

  # The library has the stacks.
  class StackPool
    def checkout : {Void*, Void*}
      {Pointer(Void).null, Pointer(Void).null}
    end

    def release(stack) : Nil
      Fiber.ended(LibFiber.fiber_current)
    end
  end
end
