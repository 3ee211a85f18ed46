import type { Language } from '../kinds.ts'

const IGNORE = 'Si vous n’avez rien demandé, vous pouvez ignorer ce message : rien n’a changé.'
const NOT_YOU =
  'Si ce n’était pas vous, réinitialisez votre mot de passe maintenant et mettez fin à toutes les sessions que vous ne reconnaissez pas.'
const WHEN =
  '{{^count}}Cela s’est produit le {{time}}.{{/count}}{{#count}}Cela s’est produit {{count}} fois depuis le {{time}}.{{/count}}'

export const fr: Language = {
  'email-verification': {
    subject: 'Confirmez votre adresse e-mail',
    lines: ['Suivez le lien pour confirmer cette adresse. Le lien est valable {{validity}}.', IGNORE],
    link: 'Confirmer cette adresse',
  },
  'email-change': {
    subject: 'Confirmez votre nouvelle adresse e-mail',
    lines: [
      'Suivez le lien pour utiliser cette adresse avec votre compte. Le lien est valable {{validity}}.' +
        '{{#endsAnother}} Un autre compte a cette adresse, qui n’y a jamais été confirmée. Cet autre compte sera supprimé quand vous confirmerez. Si vous voulez le garder, ne suivez pas le lien.{{/endsAnother}}',
      IGNORE,
    ],
    link: 'Utiliser cette adresse',
  },
  'email-change-requested': {
    subject: 'Une nouvelle adresse e-mail a été demandée pour votre compte',
    lines: [
      'Le {{time}}, le remplacement de l’adresse de votre compte par {{address}} a été demandé. Le changement prend effet dès que cette adresse est confirmée.',
      'Si ce n’était pas vous, suivez le lien pour annuler le changement, puis réinitialisez votre mot de passe. Le lien est valable {{validity}}.',
    ],
    link: 'Annuler le changement',
  },
  'email-changed': {
    subject: 'L’adresse e-mail de votre compte a été modifiée',
    lines: [
      'L’adresse de votre compte a été modifiée le {{time}}. Elle est maintenant {{address}}.',
      'Si ce n’était pas vous, suivez le lien pour rétablir cette adresse et mettre fin à toutes les sessions. Le lien est valable {{validity}}.',
    ],
    link: 'Rétablir cette adresse',
  },
  'email-replaced': {
    subject: 'L’adresse e-mail de votre compte a été modifiée',
    lines: ['Votre compte n’utilise plus cette adresse. Elle n’avait jamais été confirmée.', WHEN, NOT_YOU],
  },
  'email-change-undone': {
    subject: 'Votre ancienne adresse e-mail est rétablie',
    lines: [
      'Votre compte utilise de nouveau cette adresse. Toutes les sessions sont terminées. Réinitialisez maintenant votre mot de passe.',
      WHEN,
    ],
  },
  'address-taken': {
    subject: 'Vous avez déjà un compte avec cette adresse',
    lines: [
      'Une demande a été faite pour utiliser cette adresse avec un compte. Vous en avez déjà un : connectez-vous ou réinitialisez votre mot de passe.',
      WHEN,
      IGNORE,
    ],
  },
  'password-reset': {
    subject: 'Réinitialisez votre mot de passe',
    lines: ['Suivez le lien pour choisir un nouveau mot de passe. Le lien est valable {{validity}}.', IGNORE],
    link: 'Choisir un nouveau mot de passe',
  },
  invitation: {
    subject: 'Un compte a été créé pour vous',
    lines: [
      'Suivez le lien pour choisir un mot de passe pour votre compte. Le lien est valable {{validity}}.',
      'Si vous n’attendiez pas ce message, vous pouvez l’ignorer : sans le lien, aucune connexion au compte n’est possible.',
    ],
    link: 'Choisir un mot de passe',
  },
  'password-changed': {
    subject: 'Votre mot de passe a été modifié',
    lines: [
      'Le mot de passe de votre compte a été modifié. Toutes les autres sessions sont terminées.',
      WHEN,
      NOT_YOU,
    ],
  },
  'password-was-reset': {
    subject: 'Votre mot de passe a été réinitialisé',
    lines: [
      'Le mot de passe de votre compte a été réinitialisé par e-mail. Toutes les sessions sont terminées.',
      WHEN,
      NOT_YOU,
    ],
  },
  'password-breached': {
    subject: 'Votre mot de passe figure dans une liste de mots de passe volés',
    lines: [
      'Le mot de passe de votre compte figure dans une liste de mots de passe volés à d’autres services. Les attaquants essaient ces mots de passe en premier. Votre mot de passe fonctionne encore, mais changez-le maintenant, ici et partout ailleurs où vous l’utilisez.',
      WHEN,
    ],
  },
  'factor-added': {
    subject: 'Un second facteur a été ajouté à votre compte',
    lines: [
      'Désormais, une connexion à votre compte demande un second facteur. Toutes les autres sessions sont terminées.',
      WHEN,
      'Si ce n’était pas vous, réinitialisez votre mot de passe maintenant, retirez tous les facteurs et mettez fin à toutes les sessions que vous ne reconnaissez pas.',
    ],
  },
  'factor-removed': {
    subject: 'Un second facteur a été retiré de votre compte',
    lines: [
      'Le {{time}}, un second facteur a été retiré de votre compte. Toutes les autres sessions sont terminées.',
      'Si ce n’était pas vous, suivez le lien pour le rétablir, mettre fin à toutes les sessions et choisir un nouveau mot de passe. Le lien est valable {{validity}}.',
    ],
    link: 'Rétablir le facteur',
  },
  'factor-recovery-started': {
    subject: 'Vos seconds facteurs vont être remplacés',
    lines: [
      'Une connexion à votre compte sans ses seconds facteurs a été demandée, parce qu’ils sont perdus. Dans {{wait}}, cette boîte de réception recevra un lien. Ce lien et votre mot de passe suffiront alors pour se connecter, et les seconds facteurs seront retirés.',
      WHEN,
      'Si ce n’était pas vous, connectez-vous maintenant avec un second facteur ou un code de récupération : cela arrête la procédure. Changez ensuite votre mot de passe.',
    ],
  },
  'factor-recovery': {
    subject: 'Connectez-vous sans vos seconds facteurs',
    lines: [
      'Suivez le lien et donnez votre mot de passe pour vous connecter et retirer les seconds facteurs de votre compte. Le lien est valable {{validity}}.',
      'Si ce n’était pas vous, connectez-vous maintenant avec un second facteur ou un code de récupération : cela annule le lien. Changez ensuite votre mot de passe.',
    ],
    link: 'Se connecter',
  },
  'factors-recovered': {
    subject: 'Les seconds facteurs de votre compte ont été retirés',
    lines: [
      'Une connexion à votre compte a eu lieu avec le mot de passe et le lien que vous avez reçu par e-mail. Les seconds facteurs et les codes de récupération ne fonctionnent plus. Toutes les autres sessions sont terminées.',
      WHEN,
      NOT_YOU,
    ],
  },
  'passkey-copied': {
    subject: 'Une clé d’accès de votre compte a peut-être été copiée',
    lines: [
      'Une connexion avec une clé d’accès a été refusée, parce que le compteur de la clé a reculé. Cela arrive quand une copie de la clé est utilisée. Retirez cette clé et ajoutez-en une autre.',
      WHEN,
    ],
  },
  'recovery-codes-renewed': {
    subject: 'Nouveaux codes de récupération pour votre compte',
    lines: [
      'De nouveaux codes de récupération ont été créés pour votre compte. Les précédents ne fonctionnent plus, et toutes les autres sessions sont terminées.',
      WHEN,
      NOT_YOU,
    ],
  },
  'recovery-codes-low': {
    subject: 'Il reste peu de codes de récupération',
    lines: [
      'Un code de récupération a servi à se connecter à votre compte, et il en reste trois au plus. Créez-en de nouveaux tant que vous pouvez vous connecter.',
      WHEN,
      NOT_YOU,
    ],
  },
  'sign-in': {
    subject: 'Nouvelle connexion à votre compte',
    lines: [
      'Le {{time}}, une connexion à votre compte a eu lieu depuis un nouvel endroit.' +
        '{{#ipAddress}} Adresse réseau : {{ipAddress}}.{{/ipAddress}}' +
        '{{#browser}} Navigateur : {{browser}}{{#system}} sur {{system}}{{/system}}.{{/browser}}' +
        '{{#unknownBrowser}} Navigateur : non reconnu.{{/unknownBrowser}}',
      'Si ce n’était pas vous, suivez le lien pour mettre fin à toutes les sessions et choisir un nouveau mot de passe. Le lien est valable {{validity}}.',
    ],
    link: 'Ce n’était pas moi',
  },
  'refresh-reused': {
    subject: 'Une session de votre compte a été terminée',
    lines: [
      'Un jeton d’une de vos sessions a été utilisé deux fois. Il a peut-être été copié. Nous avons donc mis fin à cette session.',
      WHEN,
      NOT_YOU,
    ],
  },
  'account-deleted': {
    subject: 'Votre compte a été supprimé',
    lines: [
      'Votre compte et tout ce qui en fait partie ont été supprimés.',
      WHEN,
      'Si ce n’était pas vous, quelqu’un a utilisé votre mot de passe ou l’un de vos appareils. Changez ce mot de passe partout où vous l’utilisez.',
    ],
  },
}
