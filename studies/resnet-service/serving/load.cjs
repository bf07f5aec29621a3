// load.cjs URL FILE TYPE CONNECTIONS SECONDS RATE: posts FILE; RATE 0 is as fast as answers come.
// The command line of autocannon reads bodies as text, which a picture does not survive.
const autocannon = require("autocannon");
const fs = require("fs");

const [url, file, type, connections, duration, rate] = process.argv.slice(2);
const options = {
  url, method: "POST", body: fs.readFileSync(file), headers: {"content-type": type},
  connections: Number(connections), duration: Number(duration),
};
if (Number(rate)) options.overallRate = Number(rate);
autocannon(options).then(result => console.log(JSON.stringify(result)));
