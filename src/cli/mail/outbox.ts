import { formatTime } from '../support/format-time.ts'
import { collectPages, type Output, printJson } from '../support/output.ts'
import { explainRefusal } from '../support/refusal.ts'
import { type Environment, withCore } from '../support/with-core.ts'

type ListOptions = Output & { failed?: true; limit: number }

export async function listMails(environment: Environment, { failed, limit, json }: ListOptions) {
  const mails = await withCore(environment, ({ operator }) =>
    collectPages(limit, (page) => operator.mails({ ...page, filter: failed && { status: 'FAILED' } })),
  )
  if (json) return printJson(mails)
  for (const { id, kind, recipient, status, attempts, fault, createdAt } of mails) {
    console.log(`${id}  ${formatTime(createdAt)}  ${status}  ${kind} to ${recipient}`)
    if (fault) console.log(`    attempts: ${attempts}, the last: ${fault}`)
  }
  if (mails.length === 0) console.log('There are no such mails in the outbox.')
}

export async function retryMail(environment: Environment, id: string, { json }: Output) {
  const explain = explainRefusal({ NOT_FOUND: `There is no mail with the id ${id} that has failed.` })
  const mail = await withCore(environment, ({ operator }) => operator.retryMail({ id }).catch(explain))
  if (json) return printJson(mail)
  console.log(`The ${mail.kind} to ${mail.recipient} is sent again.`)
}
