# wasm_time.cr: what else the standard library of Crystal 1.6 leaves out on wasm32-wasi
# and fibers need: sleep, Fiber.yield, timeouts of select, and standard input and output.
{% skip_file unless flag?(:wasm32) %}

require "c/time"

# Timers: sleep, Fiber.yield and select timeouts.
lib LibWasi
  fun clock_time_get = __wasi_clock_time_get(id : UInt32, precision : UInt64, time : UInt64*) : UInt16
  fun poll_oneoff = __wasi_poll_oneoff(subs : Void*, events : Void*, count : UInt32, nevents : UInt32*) : UInt16
end

module Crystal::EventLoop
  # Sorted by due time, and among equals by order of arrival.
  class_getter timers = [] of Event

  def self.now : UInt64
    t = 0_u64
    LibWasi.clock_time_get(1_u32, 1_u64, pointerof(t))
    t
  end

  def self.create_resume_event(fiber : ::Fiber) : Crystal::Event
    Crystal::Event.new(fiber, false)
  end

  def self.create_timeout_event(fiber) : Crystal::Event
    Crystal::Event.new(fiber, true)
  end

  def self.run_once
    if timers.empty?
      LibC.dprintf(2, "deadlock: every fiber is blocked\n")
      LibC.exit(2)
    end
    due = timers.first.due
    start = now
    wait(due &- start) if due > start
    fired = now
    while (event = timers.first?) && event.due <= fired
      timers.shift
      event.fire
    end
  end

  # One subscription to the monotonic clock. Relative time: with an absolute
  # one, poll_oneoff did not come back under the WASI of node 20.
  private def self.wait(nanoseconds : UInt64)
    sub = uninitialized UInt64[6]
    events = uninitialized UInt64[4]
    n = 0_u32
    sub.fill(0_u64)
    sub[2] = 1_u64 # clock id: monotonic
    sub[3] = nanoseconds
    LibWasi.poll_oneoff(sub.to_unsafe.as(Void*), events.to_unsafe.as(Void*), 1_u32, pointerof(n))
  end
end

struct Crystal::Event
  @timer : Timer

  class Timer
    property due = 0_u64
    getter fiber : ::Fiber
    getter? timeout : Bool

    def initialize(@fiber, @timeout)
    end
  end

  def initialize(fiber : ::Fiber, timeout : Bool)
    @timer = Timer.new(fiber, timeout)
  end

  def due
    @timer.due
  end

  def timer
    @timer
  end

  def add(timeout : Nil) : Nil
    delete
  end

  def add(timeout : Time::Span) : Nil
    delete
    span = timeout.total_nanoseconds.to_u64
    @timer.due = span == 0 ? 0_u64 : Crystal::EventLoop.now + span
    list = Crystal::EventLoop.timers
    at = list.index { |e| e.due > @timer.due } || list.size
    list.insert(at, self)
  end

  def fire : Nil
    fiber = @timer.fiber
    if @timer.timeout?
      fiber.timeout_select_action.try do |action|
        fiber.timeout_select_action = nil
        action.time_expired(fiber)
      end
    else
      Crystal::Scheduler.enqueue(fiber)
    end
  end

  def delete
    Crystal::EventLoop.timers.reject! { |e| e.timer.same?(@timer) }
  end

  def free
    delete
  end
end

# Release 1.6 asks for the file type of stdio and has no way to find it on WASI.
module Crystal::System::FileDescriptor
  def self.from_stdio(fd)
    IO::FileDescriptor.new(fd, blocking: true).tap(&.flush_on_newline=(true))
  end
end
