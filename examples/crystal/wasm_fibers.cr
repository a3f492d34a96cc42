# wasm_fibers.cr: stackful fibers for Crystal on wasm32-wasi, by unwinding and
# rewinding the call stack (the Asyncify contract: four imports in the module
# "asyncify" which a post-link pass replaces by code).
#
# Require this file first in a program built with `--target wasm32-wasi`, and
# rewrite what the linker makes of it: `watfiber build in.wasm -o out.wasm`.
{% skip_file unless flag?(:wasm32) %}

require "../../fiberlib/crystal/wasm_time"

@[Link(wasm_import_module: "asyncify")]
lib LibUnwinder
  fun start_unwind(data : Void*)
  fun stop_unwind
  fun start_rewind(data : Void*)
  fun stop_rewind
end

lib LibC
  # Linker symbols: only their addresses mean anything.
  $__data_end : UInt8
  $__heap_base : UInt8
end

# A stack region, lowest address first:
#
#   +0   table index of the entry function (0: the main stack)
#   +4   the Fiber object handed to the entry function
#   +8   unwind buffer: current position     \  the struct that
#   +12  unwind buffer: end position         /  start_unwind gets
#   +16  unwind buffer, grows up ...  ... shadow stack, grows down
class Fiber
  # Room left between the unwind buffer and the shadow stack for the frames of
  # swapcontext and of the wrapper's own calls.
  MARGIN_BYTES = 1024_u32

  struct Context
    property region : UInt32*

    def initialize(@stack_top = Pointer(Void).null)
      @resumable = 0
      @region = Pointer(UInt32).null
    end
  end

  # State of the switch in progress. Plain class variables of primitive types
  # so that they live in static memory with no lazy initializer.
  @@switching = 0_u32
  @@from = 0_u32
  @@into = 0_u32
  @@switches = 0_u64
  @@spilled_to = 0_u32

  def self.switch_count
    @@switches
  end

  # How far up the last unwind filled its buffer. A rewind runs the position in
  # the header back down again, so that it has to be kept elsewhere for whoever
  # wants to read the buffer.
  def self.spilled_to
    @@spilled_to
  end

  # The shadow stack pointer is a wasm global, out of Crystal's reach except
  # through inline assembly. Macros, so that no call frame gets in between.
  private macro read_sp(var)
    asm(".globaltype __stack_pointer, i32\nglobal.get __stack_pointer\nlocal.set $0" : "=r"({{var}}) :: : "volatile")
  end

  private macro write_sp(var)
    asm(".globaltype __stack_pointer, i32\nlocal.get $0\nglobal.set __stack_pointer" :: "r"({{var}}) :: "volatile")
  end

  def makecontext(stack_ptr, fiber_main)
    # Not *fiber_main* itself: its return type is whatever Fiber#run's last
    # expression has, and call_indirect checks the signature.
    entry = ->(fiber : Fiber) { fiber.run; nil }
    region = @stack.as(UInt32*)
    region[0] = entry.pointer.address.to_u32!
    region[1] = self.as(Void*).address.to_u32!
    region[2] = 0_u32
    region[3] = 0_u32
    @context.region = region
    @context.stack_top = stack_ptr.as(Void*)
    @context.resumable = 1
  end

  # The lowest usable address of the stack that the program started on.
  # Default link order: data, stack, heap. With --stack-first: stack, data, heap,
  # and the first bytes are kept out so that the header is not at address 0.
  private def self.main_region(sp : UInt32) : UInt32*
    data_end = pointerof(LibC.__data_end).address.to_u32!
    low = sp > data_end ? ((data_end &+ 15_u32) & ~15_u32) : 64_u32
    Pointer(UInt32).new(low.to_u64!)
  end

  # Unwinds the running fiber; the wrapper then goes on with the new one. The
  # second return from here, in the rewound fiber, ends the rewind.
  @[NoInline]
  def self.swapcontext(current_context, new_context) : Nil
    if @@switching == 2_u32
      @@switching = 0_u32
      LibUnwinder.stop_rewind
      return
    end
    sp = uninitialized UInt32
    read_sp(sp)
    region = current_context.value.region
    if region.null?
      region = main_region(sp)
      region[0] = 0_u32
      region[1] = 0_u32
      current_context.value.region = region
    end
    current_context.value.resumable = 1
    new_context.value.resumable = 0
    region[2] = region.address.to_u32! &+ 16_u32
    region[3] = sp &- MARGIN_BYTES
    @@from = current_context.address.to_u32!
    @@into = new_context.address.to_u32!
    @@switches &+= 1
    @@switching = 1_u32
    LibUnwinder.start_unwind((region + 2).as(Void*))
  end

  # Calls *main*, and after each unwind that reaches this frame starts or
  # rewinds the fiber asked for. Returns when *main* returns in earnest.
  @[NoInline]
  def self.wrap_with_fibers(main : Proc(Int32)) : Int32
    result = main.call
    while @@switching == 1_u32
      sp = uninitialized UInt32
      read_sp(sp)
      LibUnwinder.stop_unwind
      # This loop goes on running below the frames of the fiber just left. It
      # must not go back to its own shadow stack position: on the main stack the
      # suspended frames of *main* lie right below that.
      # Saved here and not in swapcontext: by now swapcontext has popped its
      # own frame, so that switches do not make the shadow stack creep down.
      from = Pointer(Context).new(@@from.to_u64!)
      from.value.stack_top = Pointer(Void).new(sp.to_u64!)
      @@spilled_to = from.value.region[2]

      into = Pointer(Context).new(@@into.to_u64!)
      region = into.value.region
      target_sp = into.value.stack_top.address.to_u32!
      entry = region[0]
      if region[2] != 0_u32
        @@switching = 2_u32
        LibUnwinder.start_rewind((region + 2).as(Void*))
      else
        @@switching = 0_u32
      end
      if entry == 0_u32
        write_sp(target_sp)
        result = main.call
      else
        fiber = Pointer(Void).new(region[1].to_u64!).as(Fiber)
        run = Proc(Fiber, Nil).new(Pointer(Void).new(entry.to_u64!), Pointer(Void).null)
        write_sp(target_sp)
        run.call(fiber)
      end
    end
    result
  end

  # Smaller stacks: there is no lazily committed memory on wasm.
  class StackPool
    WASM_STACK_SIZE = 128 * 1024

    def checkout : {Void*, Void*}
      stack = @deque.pop? || Crystal::System::Fiber.allocate_stack(WASM_STACK_SIZE)
      {stack, stack + WASM_STACK_SIZE}
    end
  end
end

# The entry points, wrapped.
module Crystal
  class_property wasm_argc = 0
  class_property wasm_argv = Pointer(Pointer(UInt8)).null
end

fun __main_argc_argv(argc : Int32, argv : UInt8**) : Int32
  Crystal.wasm_argc = argc
  Crystal.wasm_argv = argv
  Fiber.wrap_with_fibers(->{ main(Crystal.wasm_argc, Crystal.wasm_argv) })
end
