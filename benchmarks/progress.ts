/** What the terminal shows meanwhile: a bar and the latest result, or plain lines when the output is no terminal. */
import { Presets, SingleBar } from 'cli-progress';
import { clock } from 'gld-loss-pages/numbers';

export interface Progress {
  /** The next of the cases begins. */
  next(name: string): void;
  /** A result, or what else there is to say. */
  tell(text: string): void;
  close(): void;
}

export function createProgress(total: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? bar(total, stream) : lines(total, stream);
}

function bar(total: number, stream: NodeJS.WriteStream): Progress {
  const format = '{bar} {value}/{total} {name} {detail}';
  const single = new SingleBar({ format, stream, hideCursor: true, barsize: 28, fps: 5 }, Presets.shades_classic);
  let begun = 0;
  single.start(total, 0, { name: '', detail: '' });
  return {
    next(name) {
      single.update(begun, { name, detail: '' });
      begun++;
    },
    tell: (detail) => single.update({ detail }),
    close() {
      single.update(begun, { name: '', detail: '' });
      single.stop();
    },
  };
}

function lines(total: number, stream: NodeJS.WriteStream): Progress {
  const began = performance.now();
  let begun = 0;
  return {
    next(name) {
      begun++;
      stream.write(`${begun}/${total} (${clock((performance.now() - began) / 1000)}) ${name}\n`);
    },
    tell: (text) => void stream.write(`    ${text}\n`),
    close: () => undefined,
  };
}
