// CPU time of npm's ebics-client for the same small download again and again: one JSON object with microseconds a download.
// Usage: node npm_client.js '{"url": …, "host": …, "partner": …, "user": …, "rounds": …}'
'use strict';

const { Client, Orders } = require('ebics-client');

const given = JSON.parse(process.argv[2]);
let kept = null;
const client = new Client({
	url: given.url,
	hostId: given.host,
	partnerId: given.partner,
	userId: given.user,
	passphrase: 'bench',
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

(async () => {
	await client.send(Orders.INI);
	await client.send(Orders.HIA);
	await client.setBankKeys((await client.send(Orders.HPB)).bankKeys);
	await client.send(Orders.HTD);
	const before = process.cpuUsage();
	for (let round = 0; round < given.rounds; round += 1) await client.send(Orders.HTD);
	const used = process.cpuUsage(before);
	process.stdout.write(JSON.stringify({ seconds: (used.user + used.system) / 1e6 / given.rounds }));
})().catch((error) => {
	process.stderr.write(`${error.stack || error}\n`);
	process.exit(1);
});
