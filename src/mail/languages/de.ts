import type { Language } from '../kinds.ts'

const IGNORE =
  'Falls Sie das nicht angefordert haben, können Sie diese Mail ignorieren: Es hat sich nichts geändert.'
const NOT_YOU =
  'Falls Sie das nicht waren, setzen Sie jetzt Ihr Passwort zurück und beenden Sie jede Sitzung, die Sie nicht kennen.'
const WHEN =
  '{{^count}}Das geschah am {{time}}.{{/count}}{{#count}}Das geschah {{count}}-mal seit dem {{time}}.{{/count}}'

export const de: Language = {
  'email-verification': {
    subject: 'Bestätigen Sie Ihre E-Mail-Adresse',
    lines: ['Folgen Sie dem Link, um diese Adresse zu bestätigen. Der Link gilt {{validity}}.', IGNORE],
    link: 'Diese Adresse bestätigen',
  },
  'email-change': {
    subject: 'Bestätigen Sie Ihre neue E-Mail-Adresse',
    lines: [
      'Folgen Sie dem Link, um diese Adresse für Ihr Konto zu verwenden. Der Link gilt {{validity}}.' +
        '{{#endsAnother}} Ein anderes Konto hat diese Adresse, und sie wurde dort nie bestätigt. Jenes Konto wird gelöscht, wenn Sie bestätigen. Wenn Sie es behalten möchten, folgen Sie dem Link nicht.{{/endsAnother}}',
      IGNORE,
    ],
    link: 'Diese Adresse verwenden',
  },
  'email-change-requested': {
    subject: 'Für Ihr Konto wurde eine neue E-Mail-Adresse beantragt',
    lines: [
      'Am {{time}} wurde beantragt, die Adresse Ihres Kontos in {{address}} zu ändern. Die Änderung gilt, sobald die neue Adresse bestätigt ist.',
      'Falls Sie das nicht waren, brechen Sie die Änderung mit dem Link ab und setzen Sie Ihr Passwort zurück. Der Link gilt {{validity}}.',
    ],
    link: 'Die Änderung abbrechen',
  },
  'email-changed': {
    subject: 'Die E-Mail-Adresse Ihres Kontos wurde geändert',
    lines: [
      'Die Adresse Ihres Kontos wurde am {{time}} geändert. Sie lautet jetzt {{address}}.',
      'Falls Sie das nicht waren, folgen Sie dem Link: Er stellt diese Adresse wieder her und beendet alle Sitzungen. Der Link gilt {{validity}}.',
    ],
    link: 'Diese Adresse wiederherstellen',
  },
  'email-replaced': {
    subject: 'Die E-Mail-Adresse Ihres Kontos wurde geändert',
    lines: ['Ihr Konto verwendet diese Adresse nicht mehr. Sie war nie bestätigt.', WHEN, NOT_YOU],
  },
  'email-change-undone': {
    subject: 'Ihre frühere E-Mail-Adresse ist wiederhergestellt',
    lines: [
      'Ihr Konto verwendet wieder diese Adresse. Alle Sitzungen sind beendet. Setzen Sie als Nächstes Ihr Passwort zurück.',
      WHEN,
    ],
  },
  'address-taken': {
    subject: 'Sie haben bereits ein Konto mit dieser Adresse',
    lines: [
      'Diese Adresse sollte für ein Konto verwendet werden. Sie haben bereits eines: Melden Sie sich an oder setzen Sie Ihr Passwort zurück.',
      WHEN,
      IGNORE,
    ],
  },
  'password-reset': {
    subject: 'Setzen Sie Ihr Passwort zurück',
    lines: ['Folgen Sie dem Link, um ein neues Passwort zu wählen. Der Link gilt {{validity}}.', IGNORE],
    link: 'Neues Passwort wählen',
  },
  invitation: {
    subject: 'Für Sie wurde ein Konto angelegt',
    lines: [
      'Folgen Sie dem Link, um ein Passwort für Ihr Konto zu wählen. Der Link gilt {{validity}}.',
      'Falls Sie diese Mail nicht erwartet haben, können Sie sie ignorieren: Ohne den Link ist keine Anmeldung an dem Konto möglich.',
    ],
    link: 'Passwort wählen',
  },
  'password-changed': {
    subject: 'Ihr Passwort wurde geändert',
    lines: ['Das Passwort Ihres Kontos wurde geändert. Alle anderen Sitzungen sind beendet.', WHEN, NOT_YOU],
  },
  'password-was-reset': {
    subject: 'Ihr Passwort wurde zurückgesetzt',
    lines: [
      'Das Passwort Ihres Kontos wurde per Mail zurückgesetzt. Alle Sitzungen sind beendet.',
      WHEN,
      NOT_YOU,
    ],
  },
  'password-breached': {
    subject: 'Ihr Passwort steht auf einer Liste gestohlener Passwörter',
    lines: [
      'Das Passwort Ihres Kontos steht auf einer Liste von Passwörtern, die bei anderen Diensten gestohlen wurden. Angreifer probieren solche Passwörter zuerst. Ihr Passwort gilt weiterhin, aber ändern Sie es jetzt, hier und überall sonst, wo Sie es verwenden.',
      WHEN,
    ],
  },
  'factor-added': {
    subject: 'Ihr Konto hat einen neuen zweiten Faktor',
    lines: [
      'Von jetzt an braucht die Anmeldung an Ihrem Konto einen zweiten Faktor. Alle anderen Sitzungen sind beendet.',
      WHEN,
      'Falls Sie das nicht waren, setzen Sie jetzt Ihr Passwort zurück, entfernen Sie jeden Faktor und beenden Sie jede Sitzung, die Sie nicht kennen.',
    ],
  },
  'factor-removed': {
    subject: 'Ein zweiter Faktor Ihres Kontos wurde entfernt',
    lines: [
      'Am {{time}} wurde ein zweiter Faktor Ihres Kontos entfernt. Alle anderen Sitzungen sind beendet.',
      'Falls Sie das nicht waren, folgen Sie dem Link: Er stellt den Faktor wieder her, beendet alle Sitzungen und führt zu einem neuen Passwort. Der Link gilt {{validity}}.',
    ],
    link: 'Den Faktor wiederherstellen',
  },
  'factor-recovery-started': {
    subject: 'Ihre zweiten Faktoren sollen ersetzt werden',
    lines: [
      'Für Ihr Konto wurde eine Anmeldung ohne die zweiten Faktoren beantragt, weil sie verloren sind. In {{wait}} erhält dieses Postfach einen Link. Dann genügen der Link und Ihr Passwort für eine Anmeldung, und die zweiten Faktoren werden entfernt.',
      WHEN,
      'Falls Sie das nicht waren, melden Sie sich jetzt mit einem zweiten Faktor oder einem Wiederherstellungscode an: Das beendet den Vorgang. Ändern Sie danach Ihr Passwort.',
    ],
  },
  'factor-recovery': {
    subject: 'Melden Sie sich ohne Ihre zweiten Faktoren an',
    lines: [
      'Folgen Sie dem Link und geben Sie Ihr Passwort ein, um sich anzumelden und die zweiten Faktoren Ihres Kontos zu entfernen. Der Link gilt {{validity}}.',
      'Falls Sie das nicht waren, melden Sie sich jetzt mit einem zweiten Faktor oder einem Wiederherstellungscode an: Dann wird der Link ungültig. Ändern Sie danach Ihr Passwort.',
    ],
    link: 'Anmelden',
  },
  'factors-recovered': {
    subject: 'Die zweiten Faktoren Ihres Kontos wurden entfernt',
    lines: [
      'An Ihrem Konto gab es eine Anmeldung mit dem Passwort und dem Link, den Sie per Mail erhalten haben. Die zweiten Faktoren und Wiederherstellungscodes gelten nicht mehr. Alle anderen Sitzungen sind beendet.',
      WHEN,
      NOT_YOU,
    ],
  },
  'passkey-copied': {
    subject: 'Ein Passkey Ihres Kontos wurde vielleicht kopiert',
    lines: [
      'Eine Anmeldung mit einem Passkey wurde abgelehnt: Sein Zähler ging zurück. Das geschieht, wenn eine Kopie verwendet wird. Entfernen Sie den Passkey und fügen Sie einen anderen hinzu.',
      WHEN,
    ],
  },
  'recovery-codes-renewed': {
    subject: 'Neue Wiederherstellungscodes für Ihr Konto',
    lines: [
      'Für Ihr Konto wurden neue Wiederherstellungscodes erstellt. Die früheren gelten nicht mehr, und alle anderen Sitzungen sind beendet.',
      WHEN,
      NOT_YOU,
    ],
  },
  'recovery-codes-low': {
    subject: 'Sie haben nur noch wenige Wiederherstellungscodes',
    lines: [
      'Für eine Anmeldung an Ihrem Konto wurde ein Wiederherstellungscode verwendet, und höchstens drei sind übrig. Erstellen Sie neue, solange Sie sich anmelden können.',
      WHEN,
      NOT_YOU,
    ],
  },
  'sign-in': {
    subject: 'Neue Anmeldung an Ihrem Konto',
    lines: [
      'Am {{time}} gab es an Ihrem Konto eine Anmeldung von einem neuen Ort.' +
        '{{#ipAddress}} Netzwerkadresse: {{ipAddress}}.{{/ipAddress}}' +
        '{{#browser}} Browser: {{browser}}{{#system}} auf {{system}}{{/system}}.{{/browser}}' +
        '{{#unknownBrowser}} Browser: nicht erkannt.{{/unknownBrowser}}',
      'Falls Sie das nicht waren, folgen Sie dem Link: Er beendet alle Sitzungen und führt zu einem neuen Passwort. Der Link gilt {{validity}}.',
    ],
    link: 'Das war ich nicht',
  },
  'refresh-reused': {
    subject: 'Eine Sitzung Ihres Kontos wurde beendet',
    lines: [
      'Ein Token einer Ihrer Sitzungen wurde zweimal verwendet. Es wurde vielleicht kopiert. Darum haben wir diese Sitzung beendet.',
      WHEN,
      NOT_YOU,
    ],
  },
  'account-deleted': {
    subject: 'Ihr Konto wurde gelöscht',
    lines: [
      'Ihr Konto und alles, was dazu gehört, wurde gelöscht.',
      WHEN,
      'Falls Sie das nicht waren, hat jemand Ihr Passwort oder eines Ihrer Geräte benutzt. Ändern Sie dieses Passwort überall, wo Sie es verwenden.',
    ],
  },
}
