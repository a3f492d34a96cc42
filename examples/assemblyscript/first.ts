// The smallest program with a channel.
import { Channel, sleep, spawn } from "fiber";
import { print } from "./wasi";

function count(to: Channel<string>): void {
  for (let i = 0; i < 3; i++) {
    sleep(10);
    to.send(i.toString());
  }
  to.close();
}

const channel = new Channel<string>();
spawn(count, channel);
for (const v = channel.values(); v.next(); ) print(v.value);
