# wasm_io.cr: input and output of fibers where the standard library of Crystal 1.6 knows
# none, on wasm32-wasi: a fiber that reads waits until there is something to read, and
# others run.
{% skip_file unless flag?(:wasm32) %}

lib LibWasi
  struct Subscription
    userdata : UInt64
    kind : UInt64 # 0 a clock, 1 to read, 2 to write
    id : UInt64   # of the clock, or the descriptor
    timeout : UInt64
    precision : UInt64
    flags : UInt64
  end

  struct Occurrence
    userdata : UInt64
    kind : UInt64
    bytes : UInt64
    flags : UInt64
  end

  fun clock_time_get = __wasi_clock_time_get(id : UInt32, precision : UInt64, time : UInt64*) : UInt16
  fun poll_oneoff = __wasi_poll_oneoff(subs : Subscription*, events : Occurrence*, count : UInt32, nevents : UInt32*) : UInt16
  fun fd_fdstat_get = __wasi_fd_fdstat_get(fd : Int32, stat : UInt64*) : UInt16
end

module Crystal::EventLoop
  # Events of descriptors that fibers wait for.
  class_getter watchers = [] of Event

  # When the host was last asked about them while fibers were ready.
  @@looked = 0_u64

  def self.create_fd_read_event(io : IO::Evented, edge_triggered : Bool = false) : Crystal::Event
    Crystal::Event.new(io.as(IO::FileDescriptor), false)
  end

  def self.create_fd_write_event(io : IO::Evented, edge_triggered : Bool = false) : Crystal::Event
    Crystal::Event.new(io.as(IO::FileDescriptor), true)
  end

  # Waits for the descriptors, but no longer than a time if one is given. It is a relative
  # one: with an absolute time, poll_oneoff did not come back under the WASI of node 20.
  private def self.wait(nanoseconds : UInt64?)
    events = watchers.dup
    subs = Array(LibWasi::Subscription).new(events.size + 1)
    events.each_with_index do |event, i|
      io = event.source.io.not_nil!
      subs << LibWasi::Subscription.new(userdata: i.to_u64 + 1, kind: event.source.write? ? 2_u64 : 1_u64, id: io.fd.to_u64)
    end
    if nanoseconds
      subs << LibWasi::Subscription.new(id: 1_u64, timeout: nanoseconds, precision: 1_u64) # the monotonic clock
    end
    happened = Array(LibWasi::Occurrence).new(subs.size) { LibWasi::Occurrence.new }
    n = 0_u32
    case LibWasi.poll_oneoff(subs.to_unsafe, happened.to_unsafe, subs.size.to_u32, pointerof(n))
    when 0
      happened.first(n).each { |e| events[e.userdata - 1].occur if e.userdata > 0 }
    when 27 # EINTR: nothing is known
    else # the host cannot watch one of them: then they do not wait
      events.each &.occur
    end
  end

  # Asks about descriptors while fibers are ready: every ten milliseconds, since there are
  # hosts that see nothing in less than one.
  private def self.look(now : UInt64)
    return if now < @@looked &+ 10_000_000
    @@looked = now
    wait(1_000_000_u64)
  end

  # Whether reading a descriptor may have to wait: it is no file and no folder.
  def self.waits?(fd) : Bool
    stat = uninitialized UInt64[3]
    LibWasi.fd_fdstat_get(fd, stat.to_unsafe) == 0 && !(stat[0] & 255).in?(3, 4)
  end
end

module Crystal::System::FileDescriptor
  # Release 1.6 asks for the file type of stdio and has no way to find it on WASI.
  def self.from_stdio(fd)
    IO::FileDescriptor.new(fd, blocking: true).tap(&.flush_on_newline=(true))
  end

  private def unbuffered_read(slice : Bytes)
    wait_readable if Crystal::EventLoop.waits?(fd)
    previous_def
  end
end
