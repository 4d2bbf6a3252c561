import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createPublicClient, createWalletClient, http, parseEther } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';
import { abi, bytecode } from './contract.mjs';
import { startAnvil, startGateway } from './things.mjs';

const key = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'; // anvil's first account
let anvil, gateway, reader, batcher, wallet, address;

before(async () => {
    anvil = await startAnvil();
    gateway = await startGateway('evm', anvil.url);
    reader = createPublicClient({ chain: foundry, transport: http(gateway.url), pollingInterval: 100 });
    batcher = createPublicClient({ chain: foundry, transport: http(gateway.url, { batch: true }), pollingInterval: 100 });
    wallet = createWalletClient({ account: privateKeyToAccount(key), chain: foundry, transport: http(gateway.url) });
    address = (await reader.waitForTransactionReceipt({ hash: await wallet.deployContract({ abi, bytecode }) })).contractAddress;
});

after(async () => {
    await gateway?.end();
    await anvil?.end();
});

test('viem: chain id, block number, balance', async () => {
    assert.equal(await reader.getChainId(), 31337);
    assert.ok((await reader.getBlockNumber({ cacheTime: 0 })) >= 1n);
    assert.ok((await reader.getBalance({ address: wallet.account.address })) > parseEther('9000'));
});

test('viem: deploy, code', async () => {
    assert.match(address, /^0x[0-9a-fA-F]{40}$/);
    assert.ok((await reader.getCode({ address })).length > 100);
});

test('viem: write, receipt, read', async () => {
    const hash = await wallet.writeContract({ address, abi, functionName: 'set', args: [2n ** 255n + 7n] });
    const receipt = await reader.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, 'success');
    assert.equal(receipt.logs.length, 1);
    assert.equal(await reader.readContract({ address, abi, functionName: 'get' }), 2n ** 255n + 7n);
    assert.equal((await reader.getTransaction({ hash })).hash, hash);
});

test('viem: logs', async () => {
    const logs = await reader.getContractEvents({ address, abi, eventName: 'Set', fromBlock: 0n });
    assert.equal(logs.at(-1).args.value, 2n ** 255n + 7n);
});

test('viem: a filter sees what happens after it', async () => {
    const filter = await reader.createContractEventFilter({ address, abi, eventName: 'Set' });
    const hash = await wallet.writeContract({ address, abi, functionName: 'set', args: [41n] });
    await reader.waitForTransactionReceipt({ hash });
    const seen = await reader.getFilterChanges({ filter });
    assert.deepEqual(seen.map((l) => l.args.value), [41n]);
    assert.deepEqual(await reader.getFilterChanges({ filter }), []);
    assert.equal(await reader.uninstallFilter({ filter }), true);
});

test('viem: revert data comes through', async () => {
    await assert.rejects(reader.readContract({ address, abi, functionName: 'fail' }), (e) => {
        assert.match(e.message, /reverted with the following reason:\s*no/);
        return true;
    });
});

test('viem: an error of the node keeps its code', async () => {
    await assert.rejects(reader.request({ method: 'eth_nonsense' }), (e) => {
        assert.equal(e.code, -32601);
        return true;
    });
});

test('viem: batches', async () => {
    const before = (await gateway.status()).counters.batches;
    const got = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
            i % 3 === 0 ? batcher.getChainId() : i % 3 === 1 ? batcher.readContract({ address, abi, functionName: 'get' }) : batcher.getBlock(),
        ),
    );
    got.forEach((v, i) => {
        if (i % 3 === 0) assert.equal(v, 31337);
        else if (i % 3 === 1) assert.equal(v, 41n);
        else assert.ok(v.number >= 1n);
    });
    assert.ok((await gateway.status()).counters.batches > before, 'no batch was sent');
});

test('viem: a batch with an error in it', async () => {
    const got = await Promise.allSettled([
        batcher.getChainId(), batcher.request({ method: 'eth_nonsense' }), batcher.getChainId(),
    ]);
    assert.deepEqual(got.map((g) => g.status), ['fulfilled', 'rejected', 'fulfilled']);
});

test('viem: ten transactions in a row', async () => {
    const hashes = [];
    for (let i = 0; i < 10; i++) hashes.push(await wallet.writeContract({ address, abi, functionName: 'set', args: [BigInt(i)] }));
    for (const hash of hashes) assert.equal((await reader.waitForTransactionReceipt({ hash })).status, 'success');
    assert.equal(await reader.readContract({ address, abi, functionName: 'get' }), 9n);
});

test('viem: a large log query', async () => {
    const logs = await reader.getLogs({ fromBlock: 0n, toBlock: 'latest' });
    assert.ok(logs.length >= 12);
});

test('viem: sockets were reused', async () => {
    const before = await gateway.endpoint();
    for (let i = 0; i < 50; i++) await reader.getGasPrice();
    const after = await gateway.endpoint();
    assert.equal(after.requests_new, before.requests_new);
    assert.equal(after.requests_reused, before.requests_reused + 50);
});
