#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// follow: gets the key of an application through akmactl, and again whenever it changes.
//
//     ./follow.js mqtt
//
// In place of real work it prints the SHA-256 of the key, as akmactl get --format fingerprint.
'use strict';
const { spawn, spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { createInterface } = require('node:readline');

const application = process.argv[2];
let last = null; // the version in use

// The work. What akmactl wrote is wiped; a string could not be.
function useKey(kid) {
  const done = spawnSync('akmactl', ['get', application, '--kid', kid], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (done.status !== 0) return; // 8: expired meanwhile, 25: a newer one is there, 26: revoked
  console.log(kid, createHash('sha256').update(done.stdout).digest('hex'));
  done.stdout.fill(0);
  last = kid;
}

// One line for each event; the first is the present state. When akmad restarts, akmactl waits for it.
function watch() {
  const child = spawn('akmactl', ['watch', application, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { event, kid } = JSON.parse(line);
    if (event === 'key-revoked') {
      console.log(kid, 'revoked');
      last = null;
    } else if (event && kid && kid !== last) {
      useKey(kid);
    }
  });
  // no akmad yet, or no bus
  child.on('exit', () => setTimeout(watch, 5000));
  process.once('SIGTERM', () => { child.removeAllListeners('exit'); child.kill(); process.exit(0); });
}

watch();
