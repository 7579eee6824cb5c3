// broker/security/principal-rules.ts - ssl.principal.mapping.rules: from a certificate's subject to a user's name.
// Owns: the rules' form, as Kafka has it: 'RULE:pattern/replacement/[L|U]' and 'DEFAULT', parted by commas; the first that matches whole counts.
import { MillraceError } from '../../base/mod.ts';

type Rule = (subject: string) => string | null;

const oneRule = /\s*(?:(?<whole>DEFAULT)|RULE:(?<pattern>(?:\\.|[^\\/])*)\/(?<replacement>(?:\\.|[^\\/])*)\/(?<end>[LU]?))\s*(?:,\s*|$)/y;

/** The mapping that the text describes; it throws 'authentication-failed' where no rule matches. Throws 'invalid-argument' for a text that is none. */
export function principalRules(text: string): (subject: string) => string {
  const rules: Rule[] = [];
  oneRule.lastIndex = 0;
  for (let at = 0; at < text.length; at = oneRule.lastIndex) {
    const groups = oneRule.exec(text)?.groups;
    if (groups === undefined) throw new MillraceError('invalid-argument', `Cannot use ssl.principal.mapping.rules '${text}': not a rule from '${text.slice(at)}' on`);
    rules.push(groups['whole'] === undefined ? ruleOf(groups as { pattern: string; replacement: string; end: string }) : (subject) => subject);
  }
  return (subject) => {
    for (const rule of rules) {
      const name = rule(subject);
      if (name !== null) return name;
    }
    throw new MillraceError('authentication-failed', `No rule of ssl.principal.mapping.rules applies to '${subject}'`);
  };
}

function ruleOf({ pattern, replacement, end }: { pattern: string; replacement: string; end: string }): Rule {
  let form: RegExp;
  try {
    form = new RegExp(`^(?:${pattern})$`);
  } catch (error) {
    throw new MillraceError('invalid-argument', `Cannot use ssl.principal.mapping.rules: '${pattern}' is no pattern: ${(error as Error).message}`);
  }
  return (subject) => {
    const found = form.exec(subject);
    if (found === null) return null;
    const name = replacement.replaceAll(/\\(.)|\$(\d)/g, (_all, literal: string | undefined, group: string) => (literal ?? (Number(group) < found.length ? found[Number(group)] ?? '' : `$${group}`)));
    return end === 'L' ? name.toLowerCase() : end === 'U' ? name.toUpperCase() : name;
  };
}
