import { find, onSubmit } from './dom.ts'

type Dialog = {
  title: string
  /** What stands above the button. Texts of other people belong into `fill`. */
  markup: string
  button: string
  /** Prepares what the markup cannot say. */
  fill?: (dialog: HTMLDialogElement, close: (result: boolean) => void) => void
  /** Runs when the button is pressed; the dialog closes after it. */
  work?: (values: Record<string, string>) => Promise<unknown>
  /** Whether the dialog is read before something is typed: its title gets the focus, and no keyboard covers it. */
  isRead?: true
  /** Whether there is nothing to cancel: the dialog only shows something. */
  isNotice?: true
}

/**
 * Shows a dialog in front of the page. The browser keeps the focus in it, and closes it with Escape.
 * @returns whether its button was pressed and its work is done
 */
export function openDialog({
  title,
  markup,
  button,
  fill,
  work,
  isRead,
  isNotice,
}: Dialog): Promise<boolean> {
  const before = document.activeElement as HTMLElement | null
  const dialog = document.createElement('dialog')
  dialog.setAttribute('aria-labelledby', 'dialog-title')
  dialog.innerHTML = `
    <article>
      <h2 id="dialog-title" ${isRead ? 'tabindex="-1" autofocus' : ''}>${title}</h2>
      <p role="alert"></p>
      <form>
        ${markup}
        <button>${button}</button>
        ${isNotice ? '' : '<button type="button" class="quiet" id="cancel">Cancel</button>'}
      </form>
    </article>`
  document.body.append(dialog)

  return new Promise((resolve) => {
    let isDone = false
    const close = (result: boolean) => {
      isDone = result
      dialog.close()
    }
    onSubmit(find('form', dialog), find('[role=alert]', dialog), async (values) => {
      await work?.(values)
      close(true)
    })
    dialog.querySelector('#cancel')?.addEventListener('click', () => close(false))
    // Escape must not lose what is shown only once.
    if (isNotice) dialog.addEventListener('cancel', (event) => event.preventDefault())
    dialog.addEventListener('close', () => {
      dialog.remove()
      before?.focus()
      resolve(isDone)
    })
    fill?.(dialog, close)
    dialog.showModal()
  })
}
