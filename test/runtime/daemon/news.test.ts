import { beforeEach, expect, test } from 'vitest';
import { failure } from '../../../executor/result.ts';
import { createNews, type News } from '../../../runtime/daemon/news.ts';
import type { StepReport } from '../../../runtime/engine.ts';

let told: string[];
let news: News;
let epoch: number;

beforeEach(() => {
  told = [];
  epoch = 0;
  news = createNews('batch', (line) => told.push(line));
});

function step(more: Partial<StepReport> = {}): string[] {
  told.length = 0;
  news.step({ epoch: ++epoch, duty: { rung: 'chosen' }, ...more });
  return [...told];
}

const gone = failure('sensor-unreachable', 'no sensor there');

test('a fault is told when it begins, when it becomes another, and when it ends', () => {
  expect(step()).toEqual([]);
  expect(step({ fault: gone })).toEqual(['batch: epoch 2: sensor-unreachable: no sensor there']);
  expect(step({ fault: failure('sensor-unreachable', 'still not') })).toEqual([]);
  expect(step({ fault: failure('policy-trapped', 'ouch') })).toEqual([
    'batch: epoch 4: policy-trapped: ouch',
  ]);
  expect(step()).toEqual(['batch: epoch 5: no more policy-trapped']);
  expect(step()).toEqual([]);
  expect(step({ fault: gone })).toHaveLength(1);
});

test('so is a decision log that cannot be written', () => {
  const logFault = failure('decision-log-unwritable', 'disk full');
  expect(step({ logFault })).toEqual(['batch: epoch 1: decision-log-unwritable: disk full']);
  expect(step({ logFault })).toEqual([]);
  expect(step()).toEqual([]);
  expect(step({ logFault })).toHaveLength(1);
});

test('who gives way is told each time', () => {
  const change = { to: 'hold', reason: 'failed', waitEpochs: 16 } as const;
  const line = 'policy-changed: chosen failed, hold takes over; tried again in 16 epochs';
  expect(step({ duty: { rung: 'chosen', change } })).toEqual([`batch: epoch 1: ${line}`]);
  expect(step({ duty: { rung: 'chosen', change } })).toEqual([`batch: epoch 2: ${line}`]);
});

test('and the end of a switch, with its code where it has one', () => {
  news.switched({ policy: 'heat@2', outcome: 'switched', message: 'it decides', atMs: 1 });
  news.switched({ policy: 'x', outcome: 'refused', code: 'policy-trapped', message: 'ouch', atMs: 1 });
  expect(told).toEqual(['batch: heat@2 switched: it decides', 'batch: x refused (policy-trapped): ouch']);
});
