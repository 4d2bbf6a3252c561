// Starts the programs that the client tests talk to, and ends each by its pid.
//   MILLRACE  the gateway (default build/millrace)      DEVNODE  the simulated node (default build/test/devnode/devnode)
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const millrace = process.env.MILLRACE || join(root, 'build', 'millrace');
const devnode = process.env.DEVNODE || join(root, 'build', 'test', 'devnode', 'devnode');
const sanitizer = /AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:/;

// A child whose output is kept; ready(regexp) waits for a line.
function start(argv, cwd) {
    const env = { ...process.env };
    for (const k of Object.keys(env)) if (/^(https?|all|no)_proxy$/i.test(k)) delete env[k];
    const child = spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], cwd, env });
    const p = { child, text: '', ended: null };
    const waiting = [];
    const more = (d) => {
        p.text += d;
        for (const w of [...waiting]) w();
    };
    child.stdout.on('data', more);
    child.stderr.on('data', more);
    p.exit = new Promise((done) => {
        child.on('error', (e) => more(String(e)));
        child.on('close', (code, signal) => {
            p.ended = { code, signal };
            more('');
            done(p.ended);
        });
    });
    p.ready = (re) =>
        new Promise((done, fail) => {
            const timer = setTimeout(() => finish(() => fail(new Error(`${argv[0]}: no ${re} in:\n${p.text}`))), 30000);
            const look = () => {
                const m = re.exec(p.text);
                if (m) finish(() => done(m));
                else if (p.ended) finish(() => fail(new Error(`${argv[0]} ended: ${p.text}`)));
            };
            const finish = (then) => {
                clearTimeout(timer);
                waiting.splice(waiting.indexOf(look), 1);
                then();
            };
            waiting.push(look);
            look();
        });
    p.end = async () => {
        if (!p.ended) child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), 20000);
        await p.exit;
        clearTimeout(timer);
        return p.ended;
    };
    return p;
}

export async function startAnvil() {
    const require = createRequire(import.meta.url);
    // The platform's package itself: @foundry-rs/anvil only adds a launcher, and wants all platforms in the lock file.
    const at = require.resolve('@foundry-rs/anvil-linux-amd64/package.json');
    const p = start([join(dirname(at), 'bin', 'anvil'), '--host', '127.0.0.1', '--port', '0']);
    const m = await p.ready(/Listening on (127\.0\.0\.1:\d+)/);
    return { url: `http://${m[1]}/`, end: () => p.end() };
}

export async function startDevnode(...args) {
    const p = start([devnode, '--listen', '127.0.0.1:0', ...args]);
    const m = await p.ready(/listening on (\S+)/);
    return {
        url: `http://${m[1]}/`,
        end: async () => {
            await p.end();
            assert.doesNotMatch(p.text, sanitizer);
        },
    };
}

// A gateway before one endpoint; extra: more endpoints' URLs.
export async function startGateway(family, url, ...extra) {
    const dir = mkdtempSync(join(tmpdir(), 'millrace-clients-'));
    const endpoints = [url, ...extra].map((u, i) => ({ name: `node-${i}`, url: u }));
    const chain = family === 'evm' ? 'ethereum' : 'solana';
    writeFileSync(
        join(dir, 'endpoints.json'),
        JSON.stringify({
            listen: '127.0.0.1:0',
            admin: '127.0.0.1:0',
            chains: { [chain]: { family, default: true, endpoints } },
        }),
    );
    const p = start([millrace, '-c', join(dir, 'endpoints.json')], dir);
    const m = await p.ready(/listening on (\S+)\nadmin on (\S+)\n/);
    const status = async () => (await fetch(`http://${m[2]}/status`)).json();
    return {
        url: `http://${m[1]}`,
        status,
        endpoint: async () => (await status()).chains[chain].endpoints[0],
        end: async () => {
            const { code } = await p.end();
            rmSync(dir, { recursive: true, force: true });
            assert.doesNotMatch(p.text, sanitizer);
            assert.equal(code, 0, p.text);
        },
    };
}
