import type { Language } from '../kinds.ts'

const IGNORE = 'Si usted no lo ha pedido, puede ignorar este correo: no ha cambiado nada.'
const NOT_YOU =
  'Si no ha sido usted, restablezca su contraseña ahora y cierre todas las sesiones que no reconozca.'
const WHEN =
  '{{^count}}Esto ocurrió el {{time}}.{{/count}}{{#count}}Esto ha ocurrido {{count}} veces desde el {{time}}.{{/count}}'

export const es: Language = {
  'email-verification': {
    subject: 'Confirme su dirección de correo',
    lines: [
      'Siga el enlace para confirmar esta dirección. El enlace es válido durante {{validity}}.',
      IGNORE,
    ],
    link: 'Confirmar esta dirección',
  },
  'email-change': {
    subject: 'Confirme su nueva dirección de correo',
    lines: [
      'Siga el enlace para usar esta dirección en su cuenta. El enlace es válido durante {{validity}}.' +
        '{{#endsAnother}} Otra cuenta tiene esta dirección, que nunca se confirmó en ella. Esa otra cuenta se eliminará cuando usted confirme. Si quiere conservarla, no siga el enlace.{{/endsAnother}}',
      IGNORE,
    ],
    link: 'Usar esta dirección',
  },
  'email-change-requested': {
    subject: 'Se ha pedido una nueva dirección de correo para su cuenta',
    lines: [
      'El {{time}} se pidió cambiar la dirección de su cuenta a {{address}}. El cambio tendrá efecto cuando se confirme esa dirección.',
      'Si no ha sido usted, siga el enlace para cancelar el cambio y restablezca su contraseña. El enlace es válido durante {{validity}}.',
    ],
    link: 'Cancelar el cambio',
  },
  'email-changed': {
    subject: 'Se ha cambiado la dirección de correo de su cuenta',
    lines: [
      'La dirección de su cuenta se cambió el {{time}}. Ahora es {{address}}.',
      'Si no ha sido usted, siga el enlace para recuperar esta dirección y cerrar todas las sesiones. El enlace es válido durante {{validity}}.',
    ],
    link: 'Recuperar esta dirección',
  },
  'email-replaced': {
    subject: 'Se ha cambiado la dirección de correo de su cuenta',
    lines: ['Su cuenta ya no usa esta dirección, que nunca se confirmó.', WHEN, NOT_YOU],
  },
  'email-change-undone': {
    subject: 'Se ha recuperado su dirección de correo anterior',
    lines: [
      'Su cuenta vuelve a usar esta dirección. Todas las sesiones se han cerrado. Ahora, restablezca su contraseña.',
      WHEN,
    ],
  },
  'address-taken': {
    subject: 'Usted ya tiene una cuenta con esta dirección',
    lines: [
      'Se ha pedido usar esta dirección para una cuenta. Usted ya tiene una: inicie sesión o restablezca su contraseña.',
      WHEN,
      IGNORE,
    ],
  },
  'password-reset': {
    subject: 'Restablezca su contraseña',
    lines: [
      'Siga el enlace para elegir una nueva contraseña. El enlace es válido durante {{validity}}.',
      IGNORE,
    ],
    link: 'Elegir una nueva contraseña',
  },
  invitation: {
    subject: 'Se ha creado una cuenta para usted',
    lines: [
      'Siga el enlace para elegir una contraseña para su cuenta. El enlace es válido durante {{validity}}.',
      'Si no esperaba este correo, puede ignorarlo: sin el enlace no es posible iniciar sesión en la cuenta.',
    ],
    link: 'Elegir una contraseña',
  },
  'password-changed': {
    subject: 'Se ha cambiado su contraseña',
    lines: [
      'Se ha cambiado la contraseña de su cuenta. Todas las demás sesiones se han cerrado.',
      WHEN,
      NOT_YOU,
    ],
  },
  'password-was-reset': {
    subject: 'Se ha restablecido su contraseña',
    lines: [
      'La contraseña de su cuenta se ha restablecido por correo. Todas las sesiones se han cerrado.',
      WHEN,
      NOT_YOU,
    ],
  },
  'password-breached': {
    subject: 'Su contraseña está en una lista de contraseñas robadas',
    lines: [
      'La contraseña de su cuenta está en una lista de contraseñas robadas a otros servicios. Los atacantes prueban primero esas contraseñas. Su contraseña aún funciona, pero cámbiela ahora, aquí y en todos los demás sitios donde la use.',
      WHEN,
    ],
  },
  'factor-added': {
    subject: 'Se ha añadido un segundo factor a su cuenta',
    lines: [
      'A partir de ahora, para iniciar sesión en su cuenta hace falta un segundo factor. Todas las demás sesiones se han cerrado.',
      WHEN,
      'Si no ha sido usted, restablezca su contraseña ahora, quite todos los factores y cierre todas las sesiones que no reconozca.',
    ],
  },
  'factor-removed': {
    subject: 'Se ha quitado un segundo factor de su cuenta',
    lines: [
      'El {{time}} se quitó un segundo factor de su cuenta. Todas las demás sesiones se han cerrado.',
      'Si no ha sido usted, siga el enlace para recuperarlo, cerrar todas las sesiones y elegir una nueva contraseña. El enlace es válido durante {{validity}}.',
    ],
    link: 'Recuperar el factor',
  },
  'factor-recovery-started': {
    subject: 'Sus segundos factores se van a sustituir',
    lines: [
      'Se ha pedido iniciar sesión en su cuenta sin sus segundos factores, porque se han perdido. Dentro de {{wait}}, este buzón recibirá un enlace. Entonces bastarán el enlace y su contraseña para iniciar sesión, y se quitarán los segundos factores.',
      WHEN,
      'Si no ha sido usted, inicie sesión ahora con un segundo factor o un código de recuperación: eso detiene el proceso. Después, cambie su contraseña.',
    ],
  },
  'factor-recovery': {
    subject: 'Inicie sesión sin sus segundos factores',
    lines: [
      'Siga el enlace y escriba su contraseña para iniciar sesión y quitar los segundos factores de su cuenta. El enlace es válido durante {{validity}}.',
      'Si no ha sido usted, inicie sesión ahora con un segundo factor o un código de recuperación: eso anula el enlace. Después, cambie su contraseña.',
    ],
    link: 'Iniciar sesión',
  },
  'factors-recovered': {
    subject: 'Se han quitado los segundos factores de su cuenta',
    lines: [
      'Se ha iniciado sesión en su cuenta con la contraseña y el enlace que se le envió por correo. Los segundos factores y los códigos de recuperación ya no funcionan. Todas las demás sesiones se han cerrado.',
      WHEN,
      NOT_YOU,
    ],
  },
  'passkey-copied': {
    subject: 'Es posible que se haya copiado una llave de acceso de su cuenta',
    lines: [
      'Se ha rechazado un inicio de sesión con una llave de acceso, porque el contador de la llave retrocedió. Esto ocurre cuando se usa una copia de la llave. Quite esa llave y añada otra.',
      WHEN,
    ],
  },
  'recovery-codes-renewed': {
    subject: 'Nuevos códigos de recuperación para su cuenta',
    lines: [
      'Se han creado nuevos códigos de recuperación para su cuenta. Los anteriores ya no funcionan, y todas las demás sesiones se han cerrado.',
      WHEN,
      NOT_YOU,
    ],
  },
  'recovery-codes-low': {
    subject: 'Quedan pocos códigos de recuperación',
    lines: [
      'Se ha usado un código de recuperación para iniciar sesión en su cuenta, y quedan como máximo tres. Cree otros nuevos mientras pueda iniciar sesión.',
      WHEN,
      NOT_YOU,
    ],
  },
  'sign-in': {
    subject: 'Nuevo inicio de sesión en su cuenta',
    lines: [
      'El {{time}} se inició sesión en su cuenta desde un lugar nuevo.' +
        '{{#ipAddress}} Dirección de red: {{ipAddress}}.{{/ipAddress}}' +
        '{{#browser}} Navegador: {{browser}}{{#system}} en {{system}}{{/system}}.{{/browser}}' +
        '{{#unknownBrowser}} Navegador: no reconocido.{{/unknownBrowser}}',
      'Si no ha sido usted, siga el enlace para cerrar todas las sesiones y elegir una nueva contraseña. El enlace es válido durante {{validity}}.',
    ],
    link: 'No he sido yo',
  },
  'refresh-reused': {
    subject: 'Se ha cerrado una sesión de su cuenta',
    lines: [
      'Un token de una de sus sesiones se usó dos veces. Es posible que se haya copiado, así que hemos cerrado esa sesión.',
      WHEN,
      NOT_YOU,
    ],
  },
  'account-deleted': {
    subject: 'Se ha eliminado su cuenta',
    lines: [
      'Se han eliminado su cuenta y todo lo que le pertenece.',
      WHEN,
      'Si no ha sido usted, alguien ha usado su contraseña o uno de sus dispositivos. Cambie esta contraseña en todos los sitios donde la use.',
    ],
  },
}
