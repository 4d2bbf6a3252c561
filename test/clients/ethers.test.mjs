import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Contract, ContractFactory, JsonRpcProvider, NonceManager, Wallet, parseEther } from 'ethers';
import { abi, bytecode } from './contract.mjs';
import { startAnvil, startGateway } from './things.mjs';

const key = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d'; // anvil's second account
let anvil, gateway, provider, wallet, contract;

before(async () => {
    anvil = await startAnvil();
    gateway = await startGateway('evm', anvil.url);
    provider = new JsonRpcProvider(gateway.url, undefined, { pollingInterval: 100, cacheTimeout: -1 });
    wallet = new NonceManager(new Wallet(key, provider));
    const deployed = await new ContractFactory(abi, bytecode, wallet).deploy();
    await deployed.waitForDeployment();
    contract = new Contract(await deployed.getAddress(), abi, wallet);
});

after(async () => {
    provider?.destroy();
    await gateway?.end();
    await anvil?.end();
});

test('ethers: network, block, balance', async () => {
    assert.equal((await provider.getNetwork()).chainId, 31337n);
    assert.ok((await provider.getBlockNumber()) >= 1);
    assert.ok((await provider.getBalance(await wallet.getAddress())) > parseEther('9000'));
});

test('ethers: write, receipt, read', async () => {
    const tx = await contract.set(2n ** 200n);
    const receipt = await tx.wait();
    assert.equal(receipt.status, 1);
    assert.equal(receipt.logs.length, 1);
    assert.equal(await contract.get(), 2n ** 200n);
});

test('ethers: logs', async () => {
    const events = await contract.queryFilter('Set', 0);
    assert.equal(events.at(-1).args.value, 2n ** 200n);
});

test('ethers: a filter sees what happens after it', async () => {
    const filter = await provider.send('eth_newFilter', [{ address: await contract.getAddress() }]);
    await (await contract.set(5)).wait();
    assert.equal((await provider.send('eth_getFilterChanges', [filter])).length, 1);
    assert.equal((await provider.send('eth_getFilterChanges', [filter])).length, 0);
});

test('ethers: revert reason', async () => {
    await assert.rejects(contract.fail(), (e) => {
        assert.equal(e.code, 'CALL_EXCEPTION');
        assert.equal(e.reason, 'no');
        return true;
    });
});

test('ethers: fee data and history keep their numbers', async () => {
    const fee = await provider.getFeeData();
    assert.ok(fee.gasPrice > 0n);
    const direct = await post(anvil.url, 'eth_feeHistory', ['0x2', 'latest', [25, 75.5]]);
    const through = await post(gateway.url, 'eth_feeHistory', ['0x2', 'latest', [25, 75.5]]);
    assert.equal(result(through), result(direct));
});

async function post(url, method, params) {
    const r = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return r.text();
}

const result = (text) => text.slice(text.indexOf('"result":')).trimEnd();

test('ethers: batches, as by default', async () => {
    const before = (await gateway.status()).counters.batches;
    const got = await Promise.all(
        Array.from({ length: 250 }, (_, i) => (i % 2 ? contract.get() : provider.getTransactionCount(contract, 'latest'))),
    );
    got.forEach((v, i) => assert.equal(BigInt(v), i % 2 ? 5n : 1n));
    assert.ok((await gateway.status()).counters.batches > before, 'no batch was sent');
});

test('ethers: transactions at once', async () => {
    const sent = await Promise.all(Array.from({ length: 8 }, (_, i) => contract.set(100 + i)));
    const receipts = await Promise.all(sent.map((tx) => tx.wait()));
    assert.ok(receipts.every((r) => r.status === 1));
    assert.equal((await contract.queryFilter('Set', 0)).length, 10);
});

test('ethers: events by polling', async () => {
    const seen = new Promise((done) => contract.once('Set', (who, value) => done(value)));
    await new Promise((r) => setTimeout(r, 300));
    await (await contract.set(777)).wait();
    assert.equal(await seen, 777n);
});

test('ethers: block with its transactions', async () => {
    const block = await provider.getBlock('latest', true);
    assert.equal(block.prefetchedTransactions.length, block.transactions.length);
});
