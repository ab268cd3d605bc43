// Runs the repertoire of npm's ebics-client against one bank and prints what came back as one JSON object.
// Usage: node repertoire.js '{"url": …, "host": …, "partner": …, "user": …, "order": "<pain.001>", "start": …, "end": …}'
'use strict';

const { Client, Orders } = require('ebics-client');

const given = JSON.parse(process.argv[2]);
let kept = null;
const client = new Client({
	url: given.url,
	hostId: given.host,
	partnerId: given.partner,
	userId: given.user,
	passphrase: 'interop',
	keyStorage: {
		read: async () => {
			if (kept === null) throw new Error('no keys yet');
			return kept;
		},
		write: async (data) => {
			kept = data;
		},
	},
});

const told = (answer) => ({
	technical: answer.technicalCode,
	business: answer.businessCode,
	report: answer.technicalCodeSymbol,
	orderId: answer.orderId,
	data: Buffer.isBuffer(answer.orderData) ? answer.orderData.toString('base64') : '',
});

const hex = (key) => ({ modulus: key.mod.toString('hex'), exponent: key.exp.toString('hex') });

const other = (type, attribute = 'DZHNN') => ({
	version: 'h004',
	orderDetails: { OrderType: type, OrderAttribute: attribute, StandardOrderParams: {} },
	operation: 'download',
});

(async () => {
	const said = {};
	said.INI = told(await client.send(Orders.INI));
	said.HIA = told(await client.send(Orders.HIA));
	const hpb = await client.send(Orders.HPB);
	said.HPB = { ...told(hpb), data: '' };
	said.bank = Object.fromEntries(Object.entries(hpb.bankKeys).map(([name, key]) => [name, hex(key)]));
	await client.setBankKeys(hpb.bankKeys);
	for (const name of ['HTD', 'HKD', 'HAA', 'HPD'])
		said[name] = told(await client.send(Orders[name]));
	said.C53 = told(await client.send(Orders.C53(given.start, given.end)));
	said.STA = told(await client.send(Orders.STA(given.start, given.end)));
	said.VMK = told(await client.send(Orders.VMK(null, null)));
	said.Z53 = told(await client.send(Orders.Z53(given.start, given.end)));
	const [transactionId, orderId] = await client.send(Orders.CCT(given.order));
	said.CCT = { transactionId, orderId };
	const [, foreign] = await client.send(Orders.XCT(given.foreign));
	said.XCT = { orderId: foreign };
	// What this bank does not offer. The first request of each is sent alone: an upload tells nothing of its codes.
	said.refused = {};
	for (const name of ['AZV', 'CCS', 'CD1', 'CDB', 'CDD', 'CDS', 'XE3', 'XG1'])
		said.refused[name] = (await client.ebicsRequest(Orders[name](given.order))).technicalCode();
	for (const name of ['VMK', 'C52', 'DKI', 'G02', 'G1R', 'G1V', 'G52', 'G53'])
		said.refused[name] = (await client.ebicsRequest(Orders[name](given.start, given.end))).technicalCode();
	said.Z01 = told(await client.send(other('Z01')));
	said.PTK = told(await client.send(Orders.PTK(null, null)));
	said.HAC = told(await client.send(other('HAC')));
	process.stdout.write(JSON.stringify(said));
})().catch((error) => {
	process.stderr.write(`${error.stack}\n`);
	process.exit(1);
});
