/** The editor's setting that turns A1111's API off; the server looks at it whenever somebody calls. */

import { app } from '../../../scripts/app.js'

app.registerExtension({
  name: 'hiresfixupscale.a1111api',
  settings: [
    {
      id: 'HiresFix.A1111Api',
      name: "Hires Fix: answers programs that speak A1111's API (/sdapi/v1) on this server",
      category: ['Hires Fix', 'A1111', 'Api'],
      type: 'boolean',
      defaultValue: true,
    },
  ],
})
