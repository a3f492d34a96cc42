# wasm_time.cr: what else the standard library of Crystal 1.6 leaves out on wasm32-wasi
# and fibers need: sleep, Fiber.yield and timeouts of select.
{% skip_file unless flag?(:wasm32) %}

require "c/time"
require "./wasm_io"

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
    if timers.empty? && watchers.empty?
      LibC.dprintf(2, "deadlock: every fiber is blocked\n")
      LibC.exit(2)
    end
    if first = timers.first?
      start = now
      if first.due > start
        wait(first.due &- start)
      elsif !watchers.empty?
        look(start)
      end
    else
      wait(nil)
    end
    fired = now
    while (event = timers.first?) && event.due <= fired
      event.expire
    end
  end
end

struct Crystal::Event
  # What an event is for, and what all copies of it have in common.
  class Source
    property due = 0_u64
    getter fiber : ::Fiber?
    getter? timeout : Bool
    getter io : IO::FileDescriptor?
    getter? write : Bool

    def initialize(@fiber = nil, @timeout = false, @io = nil, @write = false)
    end
  end

  getter source : Source

  def initialize(fiber : ::Fiber, timeout : Bool)
    @source = Source.new(fiber: fiber, timeout: timeout)
  end

  def initialize(io : IO::FileDescriptor, write : Bool)
    @source = Source.new(io: io, write: write)
  end

  def due
    @source.due
  end

  def add(timeout : Nil) : Nil
    delete
    Crystal::EventLoop.watchers << self if @source.io
  end

  def add(timeout : Time::Span) : Nil
    add(nil)
    span = timeout.total_nanoseconds.to_u64
    @source.due = span == 0 ? 0_u64 : Crystal::EventLoop.now + span
    list = Crystal::EventLoop.timers
    at = list.index { |e| e.due > @source.due } || list.size
    list.insert(at, self)
  end

  # The time has come.
  def expire : Nil
    delete
    if io = @source.io
      resume(io, true)
    elsif fiber = @source.fiber
      if @source.timeout?
        fiber.timeout_select_action.try do |action|
          fiber.timeout_select_action = nil
          action.time_expired(fiber)
        end
      else
        Crystal::Scheduler.enqueue(fiber)
      end
    end
  end

  # The descriptor is ready.
  def occur : Nil
    delete
    @source.io.try { |io| resume(io, false) }
  end

  private def resume(io, timed_out)
    @source.write? ? io.resume_write(timed_out) : io.resume_read(timed_out)
  end

  def delete
    Crystal::EventLoop.timers.reject! { |e| e.source.same?(@source) }
    Crystal::EventLoop.watchers.reject! { |e| e.source.same?(@source) } if @source.io
  end

  def free
    delete
  end
end
