# A hundred fibers sleep at the same time, for 100 ms each.
require "./wasm_fibers"

done = Channel(Int32).new
start = Time.monotonic
100.times do |i|
  spawn do
    sleep 100.milliseconds
    done.send i
  end
end
woken = Array.new(100) { done.receive }
took = Time.monotonic - start

puts "100 sleeps of 100 ms took #{took < 2.seconds ? "as long as one" : took}"
puts "all of them: #{woken.sort == (0...100).to_a}"
