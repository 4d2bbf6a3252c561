import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { address, createSolanaRpc, isSolanaError } from '@solana/kit';
import { Connection, Keypair, PublicKey, SystemProgram, Transaction } from '@solana/web3.js';
import { startDevnode, startGateway } from './things.mjs';

const account = '7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV';
const u64max = 18446744073709551615n;
let node, gateway, rpc, connection;

before(async () => {
    node = await startDevnode('--family', 'solana', '--delay-us', '200');
    gateway = await startGateway('solana', node.url);
    rpc = createSolanaRpc(gateway.url);
    connection = new Connection(gateway.url, 'confirmed');
});

after(async () => {
    await gateway?.end();
    await node?.end();
});

test('kit: rentEpoch keeps every digit', async () => {
    const { value, context } = await rpc.getAccountInfo(address(account), { encoding: 'base64' }).send();
    assert.equal(value.rentEpoch, u64max);
    assert.equal(typeof value.lamports, 'bigint');
    assert.ok(context.slot > 0n);
});

test('kit: rentEpoch of several accounts', async () => {
    const { value } = await rpc.getMultipleAccounts([address(account), address('11111111111111111111111111111112')], { encoding: 'base64' }).send();
    assert.equal(value.length, 2);
    for (const v of value) if (v) assert.equal(v.rentEpoch, u64max);
});

test('kit: slot, height, blockhash, balance, version', async () => {
    const slot = await rpc.getSlot().send();
    assert.equal(typeof slot, 'bigint');
    assert.ok((await rpc.getBlockHeight().send()) <= slot);
    assert.match((await rpc.getLatestBlockhash().send()).value.blockhash, /^[1-9A-HJ-NP-Za-km-z]{32,44}$/);
    assert.equal(typeof (await rpc.getBalance(address(account)).send()).value, 'bigint');
    assert.ok((await rpc.getVersion().send())['solana-core']);
});

test('kit: many calls at once', async () => {
    const got = await Promise.all(
        Array.from({ length: 60 }, (_, i) => (i % 2 ? rpc.getSlot().send() : rpc.getBalance(address(account)).send())),
    );
    got.forEach((v, i) => assert.equal(typeof (i % 2 ? v : v.value), 'bigint'));
});

test('kit: an error keeps its code', async () => {
    const direct = await post(node.url, 'getNonsense');
    const through = await post(gateway.url, 'getNonsense');
    assert.deepEqual(through, direct);
    await assert.rejects(rpc.getBalance('not-base58!').send(), (e) => isSolanaError(e));
});

async function post(url, method, params = []) {
    const r = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return r.json();
}

test('kit: send a transaction', async () => {
    const signature = await rpc.sendTransaction(await signed(), { encoding: 'base64' }).send();
    assert.match(signature, /^[1-9A-HJ-NP-Za-km-z]{64,88}$/);
});

async function signed() {
    const payer = Keypair.generate();
    const { blockhash } = await connection.getLatestBlockhash();
    const tx = new Transaction({ recentBlockhash: blockhash, feePayer: payer.publicKey });
    tx.add(SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey: new PublicKey(account), lamports: 1 }));
    tx.sign(payer);
    return tx.serialize().toString('base64');
}

test('web3.js: slot, height, blockhash, balance', async () => {
    assert.ok((await connection.getSlot()) > 0);
    assert.ok((await connection.getBlockHeight()) > 0);
    assert.ok((await connection.getLatestBlockhash()).lastValidBlockHeight > 0);
    assert.ok((await connection.getBalance(new PublicKey(account))) >= 0);
});

test('web3.js: account', async () => {
    const info = await connection.getAccountInfo(new PublicKey(account));
    assert.ok(info.lamports > 0);
    assert.equal(BigInt(info.rentEpoch) >= 18446744073709551000n, true);
    const several = await connection.getMultipleAccountsInfo([new PublicKey(account)]);
    assert.equal(several[0].lamports, info.lamports);
});

test('web3.js: send a transaction', async () => {
    const signature = await connection.sendEncodedTransaction(await signed());
    assert.match(signature, /^[1-9A-HJ-NP-Za-km-z]{64,88}$/);
    const { value } = await connection.getSignatureStatuses([signature]);
    assert.equal(value.length, 1);
});

test('web3.js: a batch', async () => {
    const before = (await gateway.status()).counters.batches;
    const signatures = (await connection.getSignaturesForAddress(new PublicKey(account), { limit: 3 })).map((s) => s.signature);
    const got = await connection.getTransactions(signatures, { maxSupportedTransactionVersion: 0 });
    assert.equal(got.length, signatures.length);
    if (signatures.length) assert.equal((await gateway.status()).counters.batches, before + 1);
});

test('kit: fails over to another endpoint unseen', async () => {
    const dead = 'http://127.0.0.1:1/';
    const two = await startGateway('solana', dead, node.url);
    const r = createSolanaRpc(two.url);
    for (let i = 0; i < 20; i++) assert.equal(typeof (await r.getSlot().send()), 'bigint');
    await two.end();
});
